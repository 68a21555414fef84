/** Stands in for the npm package `webgpu` inside the bundle: the same two exports, from the addon beside the script. */
import { createRequire } from 'node:module';

interface Dawn {
  create(options: string[]): GPU;
  globals: Record<string, unknown>;
}

const dawn = createRequire(import.meta.url)('./dawn.node') as Dawn;

export const create = dawn.create;
export const globals = dawn.globals;
