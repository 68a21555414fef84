/** `kernelbook install`: makes the kernel known to Jupyter, per user or in an environment. */
import type { Command } from 'commander';

interface InstallOptions {
  user?: boolean;
  sysPrefix?: boolean;
  prefix?: string;
  name: string;
  uninstall?: boolean;
}

export function registerInstall(program: Command): void {
  program
    .command('install')
    .description('write the kernelspec, so that Jupyter finds the TypeScript kernel')
    .option('--user', "into the user's Jupyter folder (the default)")
    .option('--sys-prefix', 'into the active virtual or conda environment, or ./.venv')
    .option('--prefix <path>', 'into PATH/share/jupyter')
    .option(
      '--name <name>',
      'the name of the kernel; tslab and jslab take notebooks written for these',
      'kernelbook',
    )
    .option('--uninstall', 'remove it instead')
    .action(async (options: InstallOptions) => {
      const { installKernelSpec, removeKernelSpec } = await import('../kernel/install-spec.js');
      const { KernelSpecError } = await import('../kernel/kernelspec.js');
      const { buildSnapshotInBackground } = await import('../kernel/language/snapshot.js');
      const fail = (text: string, code: number) => {
        console.error(`kernelbook install: ${text}`);
        process.exitCode = code;
      };
      try {
        const dataDir = await chooseDataDir(options);
        if (!options.uninstall) {
          const folder = installKernelSpec(dataDir, options.name, await pageFiles());
          console.log(`Installed the kernel ${options.name} in ${folder}`);
          buildSnapshotInBackground();
        } else {
          const folder = removeKernelSpec(dataDir, options.name);
          if (folder) console.log(`Removed ${folder}`);
          else fail(`there is no kernel ${options.name} in ${dataDir}`, 1);
        }
      } catch (error) {
        if (error instanceof KernelSpecError) return fail(error.message, 2);
        const { code, message } = error as NodeJS.ErrnoException;
        if (code === undefined) throw error;
        fail(message, 1);
      }
    });
}

/** What figures load from the Jupyter server; nothing where Plotly is not installed: then they are static images. */
async function pageFiles(): Promise<Record<string, Uint8Array>> {
  const { libraryFile, packedLibrary } = await import('../src/workbench/plot/library.js');
  try {
    return { [libraryFile()]: await packedLibrary() };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    return {};
  }
}

async function chooseDataDir({ user, sysPrefix, prefix }: InstallOptions): Promise<string> {
  const { environmentPrefix, KernelSpecError, userDataDir } = await import('../kernel/kernelspec.js');
  const { join, resolve } = await import('node:path');
  if ([user, sysPrefix, prefix !== undefined].filter(Boolean).length > 1)
    throw new KernelSpecError('choose one of --user, --sys-prefix and --prefix');
  if (prefix !== undefined) return join(resolve(prefix), 'share', 'jupyter');
  if (!sysPrefix) return userDataDir();
  const environment = environmentPrefix();
  if (!environment)
    throw new KernelSpecError(
      '--sys-prefix: no environment is active and there is no ./.venv; activate one or use --prefix',
    );
  return join(environment, 'share', 'jupyter');
}
