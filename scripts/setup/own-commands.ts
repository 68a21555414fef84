/** The two parts that this package's own commands bring up: its kernelspec in .venv, and tfjs-node-gpu on TensorFlow. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { aptInstall, whyNoApt } from './apt.js';
import { type Installer, packageRoot } from './part.js';
import { tryProgram } from './probe.js';

const main = path.join(packageRoot, 'dist', 'scripts', 'main.js');

function ownCommand(args: string[], minutes: number): string | undefined {
  if (!existsSync(main)) return 'dist/ is not built: npm run build';
  const child = tryProgram(process.execPath, [main, ...args], minutes * 60);
  return child.ok ? undefined : `kernelbook ${args.join(' ')}: ${child.reason}`;
}

export const installKernelspec: Installer = (say) => {
  say('installing the kernelspec kernelbook into .venv');
  return ownCommand(['install', '--prefix', path.join(packageRoot, '.venv')], 2);
};

export const linkTensorflow: Installer = (say) => {
  const builds = ['make', 'g++'].every((tool) => tryProgram(tool, ['--version'], 30).ok);
  if (!builds) {
    const obstacle = whyNoApt();
    if (obstacle) return `building tfjs-node-gpu needs make and g++, and ${obstacle}`;
    say('installing build-essential');
    const failure = aptInstall(['build-essential']);
    if (failure) return failure;
  }
  say('linking tfjs-node-gpu against the TensorFlow of .venv');
  return ownCommand(['link-tensorflow'], 10);
};
