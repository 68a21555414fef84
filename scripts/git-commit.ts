/** The commit of this package's checkout, stamped on what it measures. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { packageRoot } from '../kernel/package-root.js';

const run = promisify(execFile);

/**
 * Twelve digits of the commit, with `+` where tracked files differ from it; undefined for an installed package.
 */
export async function gitCommit(): Promise<string | undefined> {
  const options = { cwd: packageRoot() };
  try {
    // A package below node_modules of someone else's checkout is not that checkout.
    await run('git', ['ls-files', '--error-unmatch', 'package.json'], options);
    const { stdout } = await run('git', ['rev-parse', '--short=12', 'HEAD'], options);
    const { stdout: changes } = await run('git', ['status', '--porcelain', '--untracked-files=no'], options);
    return `${stdout.trim()}${changes.trim() === '' ? '' : '+'}`;
  } catch {
    return undefined;
  }
}
