/**
 * A golden case: inputs, expected outputs, cotangents and expected gradients of one operation, computed by a reference
 * in float64 and stored in a safetensors file (the form is described in test/golden/README.md).
 */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type NdArray, ndarray } from '../../compute/ndarray.js';
import { readSafetensors, type StoredTensor } from '../../compute/safetensors.js';

export interface GoldenCase {
  readonly name: string;
  readonly op: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Which reference computed it. */
  readonly source: string;
  readonly inputs: Readonly<Record<string, NdArray>>;
  /** Inputs that were stored as integers or booleans, such as masks and token ids. */
  readonly integerInputs: ReadonlySet<string>;
  readonly outputs: Readonly<Record<string, NdArray>>;
  /** By output. */
  readonly cotangents: Readonly<Record<string, NdArray>>;
  /** By input: the gradient of the sum over all outputs of sum(cotangent * output). */
  readonly gradients: Readonly<Record<string, NdArray>>;
}

const extension = '.safetensors';

/**
 * A case of this package by name, e.g. `goldenCase('rope.half_real.small')`, from any working directory.
 * @param directory another folder of cases
 * @throws Error naming the file when there is no such case, or when it does not have the form of one.
 */
export async function goldenCase(name: string, directory = goldenDirectory()): Promise<GoldenCase> {
  const path = join(directory, `${name}${extension}`);
  if (!existsSync(path)) throw new Error(`goldenCase: there is no case '${name}' in ${directory}`);
  return readCase(path);
}

/** The package's own cases: test/golden beside the package.json that this module belongs to. */
export function goldenDirectory(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return join(folder, 'test', 'golden');
}

export async function readCase(path: string): Promise<GoldenCase> {
  const { metadata, tensors } = await readSafetensors(path);
  const name = basename(path, extension);
  const { op, params = '{}', source = '' } = metadata;
  if (!op) throw new Error(`${path}: no golden case: its metadata has no 'op'`);
  const parts: Record<string, Record<string, NdArray>> = { in: {}, out: {}, cot: {}, grad: {} };
  const integerInputs = new Set<string>();
  for (const [key, tensor] of tensors) {
    const dot = key.indexOf('.');
    const part = parts[key.slice(0, dot)];
    if (!part) throw new Error(`${path}: tensor '${key}' is none of in.X, out.Y, cot.Y, grad.X`);
    part[key.slice(dot + 1)] = ndarray(tensor.shape, tensor.data);
    if (key.startsWith('in.') && isInteger(tensor)) integerInputs.add(key.slice(dot + 1));
  }
  const {
    in: inputs,
    out: outputs,
    cot: cotangents,
    grad: gradients,
  } = parts as Record<'in' | 'out' | 'cot' | 'grad', Record<string, NdArray>>;
  for (const input of Object.keys(gradients)) {
    if (!inputs[input]) throw new Error(`${path}: has grad.${input}, but no in.${input}`);
  }
  return {
    name,
    op,
    params: parseParams(params, path),
    source,
    inputs,
    integerInputs,
    outputs,
    cotangents,
    gradients,
  };
}

function isInteger({ dtype }: StoredTensor): boolean {
  return dtype === 'I32' || dtype === 'I64' || dtype === 'U8' || dtype === 'BOOL';
}

function parseParams(text: string, path: string): Record<string, unknown> {
  try {
    const params: unknown = JSON.parse(text);
    if (typeof params === 'object' && params !== null && !Array.isArray(params)) {
      return params as Record<string, unknown>;
    }
  } catch {
    // Reported below, like any other form that is not an object.
  }
  throw new Error(`${path}: the metadata 'params' is not a JSON object: ${text.slice(0, 80)}`);
}
