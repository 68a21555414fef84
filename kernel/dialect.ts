/**
 * What language cells are checked as: strict TypeScript, or what the two kernels of the package tslab take, so that
 * notebooks written for them run as they are. One choice for a whole kernel, made by its environment.
 */

export const dialectVariable = 'KERNELBOOK_DIALECT';

/** `tslab`: TypeScript without the strict options. `jslab`: JavaScript, checked as far as its types are known. */
export const dialects = ['typescript', 'tslab', 'jslab'] as const;
export type Dialect = (typeof dialects)[number];

export class DialectError extends Error {
  override name = 'DialectError';
}

/** @throws DialectError naming the choices */
export function dialect(env: NodeJS.ProcessEnv = process.env): Dialect {
  const name = env[dialectVariable] || 'typescript';
  const found = dialects.find((one) => one === name);
  if (!found)
    throw new DialectError(
      `${dialectVariable} is ${JSON.stringify(name)}; choose one of ${dialects.join(', ')}`,
    );
  return found;
}

/** The dialect of a notebook that names this kernel, or of a kernel installed under this name. */
export function dialectOf(kernelName: string | undefined): Dialect {
  return dialects.find((one) => one === kernelName) ?? 'typescript';
}
