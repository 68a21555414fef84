/** Writes the kernelspec of this package's kernel into a Jupyter data folder, whole or not at all. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Dialect, dialectOf, dialectVariable } from './dialect.js';
import { KernelSpecError, ownDisplayName, ownKernelSpec } from './kernelspec.js';
import { logoSvg } from './logo.js';
import { protocolVersion } from './protocol/messages.js';

const displayNames: Record<Dialect, string> = {
  typescript: ownDisplayName,
  tslab: 'TypeScript (kernelbook, as tslab)',
  jslab: 'JavaScript (kernelbook, as jslab)',
};

/**
 * Installs into `dataDir`/kernels/`name`, replacing what is there. Returns that folder.
 * Under the name `tslab` or `jslab` it takes the cells of notebooks written for those.
 * @param files what pages find beside the kernelspec on a Jupyter server, by name
 * @throws KernelSpecError if the name is no kernel name, or the kernel has not been built.
 */
export function installKernelSpec(
  dataDir: string,
  name: string,
  files: Readonly<Record<string, Uint8Array>> = {},
): string {
  checkName(name);
  const spec = ownKernelSpec();
  const main = spec.argv[1]!;
  if (!existsSync(main))
    throw new KernelSpecError(`the kernel is not built: ${main} is missing, run "npm run build" first`);
  const kernels = join(dataDir, 'kernels');
  const target = join(kernels, name);
  const fresh = join(kernels, `.${name}-${randomUUID()}`);
  const old = `${fresh}-old`;
  mkdirSync(fresh, { recursive: true });
  try {
    const dialect = dialectOf(name);
    const names = Object.keys(files);
    const document = {
      argv: spec.argv,
      display_name: displayNames[dialect],
      language: dialect === 'jslab' ? 'javascript' : spec.language,
      ...(dialect === 'typescript' ? {} : { env: { [dialectVariable]: dialect } }),
      interrupt_mode: spec.interruptMode,
      kernel_protocol_version: protocolVersion,
      metadata: { debugger: false, ...(names.length > 0 && { kernelbook: { files: names } }) },
    };
    writeFileSync(join(fresh, 'kernel.json'), `${JSON.stringify(document, null, 1)}\n`);
    writeFileSync(join(fresh, 'logo-svg.svg'), logoSvg);
    for (const [file, content] of Object.entries(files)) writeFileSync(join(fresh, file), content);
    if (existsSync(target)) renameSync(target, old);
    renameSync(fresh, target);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    if (existsSync(old) && !existsSync(target)) renameSync(old, target);
    rmSync(old, { recursive: true, force: true });
  }
  return target;
}

/** Removes `dataDir`/kernels/`name`; returns the folder, or undefined where there was none. */
export function removeKernelSpec(dataDir: string, name: string): string | undefined {
  checkName(name);
  const target = join(dataDir, 'kernels', name);
  if (!existsSync(join(target, 'kernel.json'))) return undefined;
  rmSync(target, { recursive: true });
  return target;
}

function checkName(name: string): void {
  if (!/^[a-z0-9][a-z0-9._-]*$/.test(name))
    throw new KernelSpecError(
      `${JSON.stringify(name)} is no kernel name: use lower-case letters, digits, dot, underscore and hyphen`,
    );
}
