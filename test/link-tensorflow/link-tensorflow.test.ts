/** `kernelbook link-tensorflow`: what it says when a step cannot be done, and that a second run changes nothing. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hasBackend } from '../compute/backends.js';

const main = path.resolve('dist', 'scripts', 'main.js');
const scratch = mkdtempSync(path.join(tmpdir(), 'kernelbook-link-'));
afterAll(() => rmSync(scratch, { recursive: true }));

function link(...args: string[]) {
  const child = spawnSync(process.execPath, [main, 'link-tensorflow', ...args], { encoding: 'utf8' });
  return { status: child.status, output: child.stdout, errors: child.stderr };
}

/** A Python that answers the question for TensorFlow with this. */
function pythonThatFinds(folder: string | null, version: string | null): string {
  const file = path.join(scratch, `python-${version}`);
  writeFileSync(file, `#!/bin/sh\necho '${JSON.stringify({ folder, version })}'\n`);
  chmodSync(file, 0o755);
  return file;
}

describe('kernelbook link-tensorflow', () => {
  it('a Python that is not there', () => {
    const { status, errors } = link('--python', path.join(scratch, 'nowhere'));
    expect(status).toBe(1);
    expect(errors.trim().split('\n')).toHaveLength(1);
    expect(errors).toContain('nowhere was not found');
  });

  it('a Python without TensorFlow: says how to install it', () => {
    const python = pythonThatFinds(null, null);
    const { status, errors } = link('--python', python);
    expect(status).toBe(1);
    expect(errors).toContain(`${python} has no TensorFlow; run \`${python} -m pip install`);
  });

  it('a TensorFlow without headers', () => {
    const { status, errors } = link('--python', pythonThatFinds(scratch, '2.99.0'));
    expect(status).toBe(1);
    expect(errors).toContain('TensorFlow 2.99.0');
    expect(errors).toContain('lacks include/tensorflow/c/c_api.h');
  });

  it('an unknown option is a usage error', () => {
    expect(link('--wheel', 'x').status).not.toBe(0);
  });

  it('linked already: quick, and nothing is touched', (context) => {
    if (!hasBackend('tensorflow')) context.skip('the tensorflow backend is not linked on this machine');
    const lock = readFileSync('package-lock.json', 'utf8');
    const addon = path.join('node_modules', '@tensorflow', 'tfjs-node-gpu', 'kernelbook-link.json');
    const before = statSync(addon).mtimeMs;
    const { status, output } = link();
    expect(status).toBe(0);
    expect(output).toContain('already linked against TensorFlow');
    expect(statSync(addon).mtimeMs).toBe(before);
    expect(readFileSync('package-lock.json', 'utf8')).toBe(lock);
  });
});
