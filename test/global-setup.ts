/**
 * Builds `dist/` before the tests: the kernel and the command line are tested as they are shipped. Type errors are
 * shown but left to the type check to judge; the compiler writes its output all the same. Then the engine's start-up
 * snapshot, so that the tests start kernels as users do, and none of them has it built in the background.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

export default function setup(): void {
  if (!process.env.KERNELBOOK_NO_BUILD) build();
  const builder = `${root}/dist/kernel/language/build-snapshot.js`;
  const { status, stderr } = spawnSync(process.execPath, [builder], { encoding: 'utf8' });
  if (status !== 0) console.warn(`the engine's start-up snapshot could not be built: ${stderr}`);
}

function build(): void {
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'build'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0) console.warn(`npm run build ended with ${status}:\n${stdout}${stderr}`);
  if (!existsSync(`${root}/dist/kernel/bundled/main.cjs`))
    throw new Error('npm run build left no dist/kernel/bundled/main.cjs');
}
