/**
 * The Python environment `.venv`: Jupyter's own clients, which test our kernel from outside, and the TensorFlow that
 * tfjs-node-gpu is linked against. Versions are pinned in the requirements files beside this one.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { aptInstall, whyNoApt } from './apt.js';
import { type Installer, packageRoot } from './part.js';
import { papermillPlugin, tryProgram, venvPython } from './probe.js';

/** The constraints were recorded on this Python; others resolve what the pins leave open by themselves. */
const recordedOn = '3.11';
const oldest = [3, 11] as const;

const quiet = ['--disable-pip-version-check', '--no-input', '--progress-bar', 'off', '--quiet'];

/** An installer of one requirements file into .venv, which it makes first where it is missing or broken. */
export function installRequirements(file: string): Installer {
  return (say) => {
    const failure = ensureEnvironment(say);
    if (failure) return failure;
    const version = pythonVersion(venvPython) ?? '';
    say(`installing ${file} into .venv with pip`);
    const folder = path.join(packageRoot, 'scripts', 'setup');
    const constraints = version === recordedOn ? ['-c', path.join(folder, 'constraints.txt')] : [];
    const pip = tryProgram(
      venvPython,
      ['-m', 'pip', 'install', ...quiet, ...constraints, '-r', path.join(folder, file)],
      15 * 60,
    );
    return pip.ok ? undefined : `pip install -r ${file}: ${pip.reason}`;
  };
}

/** Our plug-in for the papermill of .venv. Built from a copy: pip leaves files in the folder it builds in. */
export const installPapermillPlugin: Installer = (say) => {
  say('installing scripts/papermill into .venv with pip');
  const copy = mkdtempSync(path.join(tmpdir(), 'kernelbook-papermill-'));
  try {
    cpSync(papermillPlugin, copy, { recursive: true });
    const pip = tryProgram(
      venvPython,
      ['-m', 'pip', 'install', ...quiet, '--no-deps', '--force-reinstall', copy],
      5 * 60,
    );
    return pip.ok ? undefined : `pip install scripts/papermill: ${pip.reason}`;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
};

function ensureEnvironment(say: (line: string) => void): string | undefined {
  if (tryProgram(venvPython, ['-c', 'import pip'], 60).ok) return undefined;
  const python = 'python3';
  const version = pythonVersion(python);
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number);
  if (version && (major < oldest[0] || (major === oldest[0] && minor < oldest[1]))) {
    return `python3 is ${version}, and the pinned Jupyter tools need ${oldest.join('.')} or newer`;
  }
  if (!tryProgram(python, ['-c', 'import venv, ensurepip'], 60).ok) {
    const obstacle = whyNoApt();
    if (obstacle) return `python3 cannot make virtual environments, and ${obstacle}`;
    say('installing python3-venv');
    const failure = aptInstall(['python3', 'python3-venv']);
    if (failure) return failure;
  }
  say('making .venv');
  const made = tryProgram(python, ['-m', 'venv', '--clear', path.join(packageRoot, '.venv')], 5 * 60);
  return made.ok ? undefined : `python3 -m venv .venv: ${made.reason}`;
}

/** `3.11` for Python 3.11.x; undefined when it does not run. */
function pythonVersion(python: string): string | undefined {
  const child = spawnSync(python, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], {
    encoding: 'utf8',
  });
  return child.status === 0 ? child.stdout.trim() : undefined;
}
