/** Output without end and 500 MiB of it: the runner's memory and the file stay bounded, the file is valid. */
import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeRequires } from '../support/requires.js';
import { textOf, Workplace } from './helpers.js';

// On a machine with other work, starting kernels takes its time.
let place: Workplace;
beforeAll(async () => {
  place = await Workplace.create();
});
afterAll(() => place.remove());

const notice = (limit: string) =>
  new RegExp(
    `\\[kernelbook run\\] The output of this cell was cut at ${limit} \\(--max-output\\); [\\d.]+ [KMG]iB more were dropped\\.\n`,
  );

/** Runs the command and watches how much memory it takes at most, in MiB. */
async function watched(args: string[]) {
  let peak = 0;
  let timer: NodeJS.Timeout | undefined;
  const finished = await place.kernelbook(args, (pid) => {
    timer = setInterval(() => {
      try {
        const size = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
        if (size !== undefined) peak = Number(size) / 1024;
      } catch {
        // It has ended.
      }
    }, 100);
  });
  clearInterval(timer);
  return { ...finished, peak };
}

/** @param memory MiB that the runner may take; a message is in memory as a whole, and ipykernel sends all that is printed in 0.2 s as one */
function suite(
  kernel: string,
  print: (text: string) => string,
  much: string,
  endless: string,
  memory: number,
): void {
  const file = `${kernel}.ipynb`;

  it('500 MiB: cut, the cell goes on', async () => {
    await place.notebook(file, kernel, [`${much}\n${print('the last line')}`, print('after')]);
    const { status, stdout, peak } = await watched(['run', file, '--max-output', '4MiB']);
    expect(stdout).toContain(`${file}  passed`);
    expect(status).toBe(0);
    const [first, second] = await place.executed(file);
    expect(textOf(first!.outputs)).toMatch(notice('4 MiB'));
    expect(textOf(first!.outputs)).toMatch(/ 49[67](\.\d)? MiB more were dropped/);
    expect(textOf(second!.outputs)).toBe('after\n');
    const { size } = await stat(place.path('build/notebooks', file));
    expect(size).toBeGreaterThan(3.9 * 2 ** 20);
    expect(size).toBeLessThan(4.1 * 2 ** 20);
    expect(peak).toBeLessThan(memory);
  });

  it('infinite output: ends by the limit of the cell, what fits is saved', async () => {
    await place.notebook(file, kernel, [print('first'), endless, print('never')]);
    const { status, stderr, peak } = await watched(['run', file, '--max-output', '100KiB', '--timeout', '4']);
    expect(status).toBe(4);
    expect(stderr).toContain(
      'cell 2 (In [2]) "cell-2": KernelTimeoutError: the cell did not finish within 4 s',
    );
    const [first, second] = await place.executed(file);
    expect(textOf(first!.outputs)).toBe('first\n');
    expect(textOf(second!.outputs)).toMatch(/^again and again\n/);
    expect(textOf(second!.outputs)).toMatch(notice('100 KiB'));
    expect(second!.outputs.at(-1)).toMatchObject({ ename: 'KernelTimeoutError' });
    expect(peak).toBeLessThan(500);
  });
}

describe('with our kernel', () => {
  suite(
    'kernelbook',
    (text) => `console.log('${text}');`,
    "const line = 'x'.repeat(2 ** 16 - 1) + '\\n';\nfor (let n = 0; n < 500 * 16; n++) process.stdout.write(line);",
    "for (;;) console.log('again and again')",
    800,
  );
});

describeRequires('venv', 'with ipykernel', () => {
  suite(
    'python3',
    (text) => `print('${text}')`,
    "for n in range(500 * 16): print('x' * (2**16 - 1))",
    "while True: print('again and again')",
    1200,
  );
});
