/** `--resume`: after the runner was killed, what has passed is kept and everything else runs again, from its start. */
import { readFileSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { describeRequires } from '../support/requires.js';
import { statusOf, type TestCell, textOf, Workplace } from './helpers.js';

// On a machine with other work, starting kernels takes its time.
let place: Workplace;
beforeAll(async () => {
  place = await Workplace.create();
});
beforeEach(() => rm(place.path('build'), { recursive: true, force: true }));
afterAll(() => place.remove());

/** Waits until the condition holds; the test's own time limit ends it otherwise. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(50);
}

function suite(kernel: string, wait: string, print: (text: string) => string, declaration: string): void {
  const folder = `${kernel}-three`;
  const args = ['run', folder, '--resume'];
  const seen = (name: string) => {
    try {
      return readFileSync(place.path('build/notebooks', name), 'utf8');
    } catch {
      return '';
    }
  };

  it('continues after kill -9 in the middle of three notebooks, and no kernel outlives the runner', async () => {
    const gate = place.path(`${kernel}-gate`);
    await place.notebook(`${folder}/a.ipynb`, kernel, [[declaration, 'parameters'], print('a')]);
    await place.notebook(`${folder}/b.ipynb`, kernel, [print('b'), wait.replace('GATE', gate), print('end')]);
    await place.notebook(`${folder}/c.ipynb`, kernel, [print('c')]);
    let pid = 0;
    const killed = place.kernelbook(args, (started) => {
      pid = started;
    });
    await until(() => seen('b.ipynb').includes('"b\\n"'));
    process.kill(pid, 'SIGKILL');
    await killed;
    await until(() => place.leftBehind().length === 0);
    // The cut off notebook is whole, and says how far it came.
    expect((await place.executed('b.ipynb')).map(statusOf).slice(0, 1)).toEqual(['completed']);
    expect(seen('c.ipynb')).toBe('');

    await writeFile(gate, '');
    const before = seen('a.ipynb');
    const { status, stdout } = await place.kernelbook(args);
    expect(status).toBe(0);
    expect(stdout).toContain(`[1/3] ${folder}/a.ipynb  passed  (kept from an earlier run)`);
    expect(stdout).toMatch(/\[2\/3\] \S+b\.ipynb {2}passed {2}\(3\/3 cells/);
    expect(stdout).toMatch(/\[3\/3\] \S+c\.ipynb {2}passed {2}\(1\/1 cells/);
    expect(seen('a.ipynb')).toBe(before);
    expect((await place.executed('b.ipynb')).map((cell) => textOf(cell.outputs))).toEqual([
      'b\n',
      '',
      'end\n',
    ]);
    expect(await readdir(place.path('build/notebooks'))).toEqual(['a.ipynb', 'b.ipynb', 'c.ipynb']);
  });
}

const inTypescript = `const { existsSync } = await import('node:fs');
while (!existsSync('GATE')) await new Promise((resolve) => setTimeout(resolve, 50));`;
const inPython = `import os, time
while not os.path.exists('GATE'): time.sleep(0.05)`;

describe('with our kernel', () => {
  suite('kernelbook', inTypescript, (text) => `console.log('${text}')`, 'let steps: number = 1;');

  it('runs again what failed, what has other parameters and what has changed', async () => {
    await place.notebook('d.ipynb', 'kernelbook', [['let steps: number = 1;', 'parameters'], 'steps']);
    await place.notebook('e.ipynb', 'kernelbook', ["throw new Error('no')"]);
    const kept = async (...args: string[]) => {
      const { stdout } = await place.kernelbook(['run', 'd.ipynb', 'e.ipynb', '--resume', ...args]);
      return stdout.match(/\S+(?= {2}passed {2}\(kept)/g) ?? [];
    };
    expect(await kept('-p', 'steps', '1')).toEqual([]);
    expect(await kept('-p', 'steps', '2')).toEqual([]);
    expect(await kept('-p', 'steps', '2')).toEqual(['d.ipynb']);
    await place.write('helper.ts', 'export const helper: number = 1;');
    const cells = [['let steps: number = 1;', 'parameters'], "import { helper } from './helper.ts'; helper"];
    await place.notebook('d.ipynb', 'kernelbook', cells as TestCell[]);
    expect(await kept('-p', 'steps', '2')).toEqual([]);
    await place.write('helper.ts', 'export const helper: number = 2;');
    expect(await kept('-p', 'steps', '2')).toEqual([]);
    // An output that is no notebook any more is no reason to fail.
    const output = place.path('build/notebooks/d.ipynb');
    await writeFile(output, (await readFile(output, 'utf8')).slice(0, 100));
    expect(await kept('-p', 'steps', '2')).toEqual([]);
  });
});

describeRequires('venv', 'with ipykernel', () => {
  suite('python3', inPython, (text) => `print('${text}')`, 'steps = 1');
});
