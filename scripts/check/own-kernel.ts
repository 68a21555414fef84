/** Which notebooks this package's kernel would run, and as which dialect it would take their cells. */
import { type Dialect, dialect, dialectOf, dialects, dialectVariable } from '../../kernel/dialect.js';
import {
  findKernelSpec,
  type KernelSpec,
  KernelSpecError,
  ownKernelSpec,
  ownName,
} from '../../kernel/kernelspec.js';
import type { Setting } from './engines.js';

/** A kernelspec of this package's kernel, under whatever name. */
export function isOwnKernel(spec: KernelSpec): boolean {
  return spec.name === ownName || spec.argv.includes(ownKernelSpec().argv[1]!);
}

/** How a kernel that is started so will check the cells. */
export function settingOf(cwd: string, spec: KernelSpec, env: NodeJS.ProcessEnv): Setting {
  return { cwd, dialect: dialect({ ...env, ...spec.env }) };
}

/**
 * The dialect of a notebook that is checked and not run: notebooks for tslab and jslab need not have a kernel here.
 * @param written the kernel the notebook names
 * @param chosen the kernel to use whatever it names
 * @returns undefined where another kernel would run it
 */
export function checkedDialect(written: string | undefined, chosen: string | undefined): Dialect | undefined {
  const kernel = chosen ?? written;
  if (kernel === undefined) return undefined;
  const isOurs = kernel === ownName || dialects.some((one) => one === kernel) || isInstalledAs(kernel);
  if (!isOurs) return undefined;
  return process.env[dialectVariable] ? dialect() : dialectOf(written);
}

/** A kernel that is asked for by name must exist. Throws KernelSpecError. */
export function requireKernel(name: string): void {
  if (!dialects.some((one) => one === name)) findKernelSpec(name);
}

function isInstalledAs(kernel: string): boolean {
  try {
    return isOwnKernel(findKernelSpec(kernel));
  } catch (error) {
    if (error instanceof KernelSpecError) return false;
    throw error;
  }
}
