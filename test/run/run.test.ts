/**
 * The runner against real kernels, ours and ipykernel: what it saves, how failures of every kind are told, and that
 * no kernel is left behind.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CodeCell } from '../../scripts/notebook/format.js';
import { readNotebook } from '../../scripts/notebook/read.js';
import { describeRequires } from '../support/requires.js';
import { statusOf, textOf, Workplace } from './helpers.js';

interface Language {
  kernel: string;
  print: (text: string) => string;
  fail: string;
  forever: string;
  stubborn: string;
  die: string;
  /** Seconds; our kernel checks types, which takes its time on a busy machine. */
  timeout: string;
  parameters: string;
  useParameter: string;
}

const typescript: Language = {
  kernel: 'kernelbook',
  print: (text) => `console.log(${JSON.stringify(text)})`,
  fail: "throw new RangeError('too far')",
  forever: 'for (;;) {}',
  stubborn: "process.on('SIGINT', () => {}); process.kill(process.pid, 'SIGSTOP');",
  die: "process.kill(process.pid, 'SIGKILL'); await new Promise(() => {});",
  timeout: '8',
  parameters: "let steps: number = 3;\nlet label: string = 'none';",
  useParameter: 'console.log(steps + 1, label)',
};
const python: Language = {
  kernel: 'python3',
  print: (text) => `print(${JSON.stringify(text)})`,
  fail: "raise ValueError('too far')",
  forever: 'while True: pass',
  stubborn: 'import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass',
  die: 'import os\nos._exit(7)',
  timeout: '1',
  parameters: "steps = 3\nlabel = 'none'",
  useParameter: 'print(steps + 1, label)',
};

let place: Workplace;
beforeAll(async () => {
  place = await Workplace.create();
});
afterAll(() => place.remove());

const executed = (file: string) => place.executed(file);

function suite(language: Language): void {
  const { kernel, print, fail } = language;
  const name = (what: string) => `${kernel}-${what}.ipynb`;

  it('saves outputs, counts and the run record, and leaves the input alone', async () => {
    const file = name('good');
    await place.notebook(file, kernel, [print('one'), '', print('two')]);
    const before = readFileSync(place.path(file));
    const { status, stdout } = await place.kernelbook(['run', file]);
    expect(stdout).toContain(`[1/1] ${file}  passed`);
    expect(status).toBe(0);
    expect(readFileSync(place.path(file))).toEqual(before);
    const cells = await executed(file);
    expect(cells.map((cell) => textOf(cell.outputs))).toEqual(['one\n', '', 'two\n']);
    expect(cells.map((cell) => cell.execution_count)).toEqual([1, null, 2]);
    expect(cells.map(statusOf)).toEqual(['completed', 'completed', 'completed']);
    const { metadata } = await readNotebook(place.path('build/notebooks', file));
    expect(metadata.papermill).toMatchObject({
      input_path: file,
      exception: null,
      duration: expect.any(Number),
    });
    expect(metadata.language_info?.name).toBe(kernel === 'python3' ? 'python' : 'typescript');
  });

  it('stops at an error, keeps what was shown, and goes on with the next notebook', async () => {
    const [bad, good] = [name('bad'), name('after')];
    await place.notebook(bad, kernel, [print('before'), fail, print('never')]);
    await place.notebook(good, kernel, [print('fine')]);
    const { status, stdout, stderr } = await place.kernelbook(['run', bad, good]);
    expect(status).toBe(1);
    expect(stdout).toMatch(new RegExp(`${bad} +2/3 .*error`));
    expect(stdout).toMatch(new RegExp(`${good} +1/1 .*passed`));
    expect(stderr).toMatch(
      new RegExp(`FAILED ${bad}, cell 2 \\(In \\[2\\]\\) "cell-2": (RangeError|ValueError): too far`),
    );
    const cells = await executed(bad);
    expect(textOf(cells[0]!.outputs)).toBe('before\n');
    expect(cells[1]!.outputs.map((output) => output.output_type)).toEqual(['error']);
    expect(cells.map(statusOf)).toEqual(['completed', 'failed', 'pending']);
    expect(textOf((await executed(good))[0]!.outputs)).toBe('fine\n');
  });

  it('requires the error of a cell tagged raises-exception', async () => {
    const [met, unmet] = [name('met'), name('unmet')];
    await place.notebook(met, kernel, [[fail, 'raises-exception'], print('on')]);
    await place.notebook(unmet, kernel, [[print('no error'), 'raises-exception']]);
    const { status, stdout, stderr } = await place.kernelbook(['run', met, unmet]);
    expect(status).toBe(3);
    expect(stdout).toMatch(new RegExp(`${met} +2/2 .*passed`));
    expect(stderr).toContain(`FAILED ${unmet}, cell 1 (In [1]) "cell-1": MissingError:`);
    expect(textOf((await executed(met))[1]!.outputs)).toBe('on\n');
  });

  it('injects parameters', async () => {
    const file = name('parameters');
    await place.notebook(file, kernel, [[language.parameters, 'parameters'], language.useParameter]);
    const { status } = await place.kernelbook(['run', '-p', 'steps', '-8', '--parameter=label=a=b', file]);
    expect(status).toBe(0);
    const cells = await executed(file);
    expect(cells[1]!.metadata.tags).toEqual(['injected-parameters']);
    expect(textOf(cells[2]!.outputs)).toBe('-7 a=b\n');
    const { metadata } = await readNotebook(place.path('build/notebooks', file));
    expect(metadata.papermill).toMatchObject({ parameters: { steps: -8, label: 'a=b' } });
  });

  it('interrupts a cell that takes too long', async () => {
    const file = name('slow');
    await place.notebook(file, kernel, [print('start'), language.forever, print('never')]);
    const { status, stdout, stderr } = await place.kernelbook(['run', file, '--timeout', language.timeout]);
    expect(status).toBe(4);
    expect(stdout).toMatch(/timeout$/m);
    expect(stderr).toContain(
      `cell 2 (In [2]) "cell-2": KernelTimeoutError: the cell did not finish within ${language.timeout} s (--timeout) and was interrupted`,
    );
    expect(stderr).not.toContain('was killed');
    const cells = await executed(file);
    expect(textOf(cells[0]!.outputs)).toBe('start\n');
    expect(cells[1]!.outputs.at(-1)).toMatchObject({ output_type: 'error', ename: 'KernelTimeoutError' });
  });

  it('kills a kernel that does not answer the interrupt', async () => {
    const file = name('stubborn');
    await place.notebook(file, kernel, [language.stubborn]);
    const { status, stderr } = await place.kernelbook(['run', file, '--timeout', language.timeout]);
    expect([4, 5]).toContain(status);
    expect(stderr).toMatch(/KernelTimeoutError: .* killed|KernelDiedError/);
  });

  it('names a kernel that died', async () => {
    const file = name('dead');
    await place.notebook(file, kernel, [print('last words'), language.die]);
    const { status, stdout, stderr } = await place.kernelbook(['run', file]);
    expect(status).toBe(5);
    expect(stdout).toMatch(/dead kernel$/m);
    // What the dying kernel still published may be lost with it, its count of the cell too.
    expect(stderr.replace(' (In [2])', '')).toContain(
      `FAILED ${file}, cell 2 "cell-2": KernelDiedError: the kernel ${kernel} died (`,
    );
    expect(textOf((await executed(file))[0]!.outputs)).toBe('last words\n');
  });

  it('ends on Ctrl-C with what has run so far, and no kernel left', async () => {
    const file = name('interrupted');
    await place.notebook(file, kernel, [print('saved'), language.forever, print('never')]);
    // The second cell runs once the first one is in the output file.
    let pid = 0;
    let sent = false;
    const watch = setInterval(() => {
      const output = place.path('build/notebooks', file);
      if (sent || pid === 0 || !existsSync(output) || !readFileSync(output, 'utf8').includes('"saved\\n"'))
        return;
      sent = true;
      setTimeout(() => process.kill(pid, 'SIGINT'), 300);
    }, 50);
    const finished = place.kernelbook(['run', file], (started) => {
      pid = started;
    });
    const { status, stdout } = await finished;
    clearInterval(watch);
    expect(stdout).toContain('interrupting');
    expect(status).toBe(130);
    const cells = await executed(file);
    expect(textOf(cells[0]!.outputs)).toBe('saved\n');
    expect(cells.map(statusOf)).toEqual(['completed', 'failed', 'pending']);
    // The child of a kernel that was killed ends when it notices.
    await expect.poll(() => place.leftBehind()).toEqual([]);
  });
}

describe('with our kernel', () => {
  suite(typescript);

  it('runs notebooks side by side, each in its own kernel', async () => {
    for (const letter of ['a', 'b', 'c']) {
      await place.notebook(`side/${letter}.ipynb`, 'kernelbook', [
        `let me: string = '${letter}'; console.log(me)`,
      ]);
    }
    const { status, stdout } = await place.kernelbook(['run', 'side', '--jobs', '2', '-o', 'build/side']);
    expect(status).toBe(0);
    expect(stdout.match(/ passed {2}\(1\/1 cells/g)).toHaveLength(3);
    for (const letter of ['a', 'b', 'c']) {
      const { cells } = await readNotebook(place.path('build/side', `${letter}.ipynb`));
      expect(textOf((cells[0] as CodeCell).outputs)).toBe(`${letter}\n`);
    }
    // Atomic writing leaves no temporary files.
    expect((await readdir(place.path('build/side'))).sort()).toEqual(['a.ipynb', 'b.ipynb', 'c.ipynb']);
  });

  it('counts what was verified and names what was not', async () => {
    await place.notebook('verify.ipynb', 'kernelbook', [
      "import { verify } from 'kernelbook';",
      "await verify('half', [0.5], [0.5]);",
      "await verify('rope.twisted', [1], [-1], { bound: 1e-3 });",
    ]);
    const { status, stdout, stderr } = await place.kernelbook(['run', 'verify.ipynb']);
    expect(status).toBe(3);
    expect(stdout).toContain('1 ok, 1 failed');
    expect(stderr).toContain('VerificationError');
    expect(stderr).toContain('not verified: rope.twisted');
  });

  it('takes parameters from a file, and keeps secrets out of everything it writes', async () => {
    await place.notebook('secret.ipynb', 'kernelbook', [
      ["let token: string = ''; // @secret\nlet steps: number = 1;", 'parameters'],
      "process.stdout.write(token.slice(0, 5)); process.stdout.write(token.slice(5) + '\\n'); steps",
      '({ token })',
      "throw new RangeError('no ' + token);",
    ]);
    await place.write('values.yaml', 'token: open-sesame\nsteps: 3\n');
    const { status, stdout, stderr } = await place.kernelbook([
      ...['run', 'secret.ipynb', '-f', 'values.yaml', '-p', 'steps', '4', '--results', 'results.json'],
    ]);
    expect(status).toBe(1);
    expect(stderr).toContain('RangeError: no [redacted]');
    const written = await readFile(place.path('build/notebooks/secret.ipynb'), 'utf8');
    const results = await readFile(place.path('results.json'), 'utf8');
    expect([stdout, stderr, written, results].join('')).not.toContain('sesame');
    const cells = await executed('secret.ipynb');
    expect(textOf(cells[2]!.outputs)).toContain('[redacted]\n');
    expect(cells[2]!.outputs.at(-1)).toMatchObject({ data: { 'text/plain': '4' } });
  });

  it('runs notebooks written for tslab and jslab as these would', async () => {
    await place.notebook('loose/ts.ipynb', 'tslab', ['function id(x) { return x; }\nid(1)']);
    await place.notebook('loose/js.ipynb', 'jslab', ['const o = {}; o.x = 1; o']);
    await place.notebook('strict.ipynb', 'kernelbook', ['function id(x) { return x; }\nid(1)']);
    const loose = await place.kernelbook(['run', 'loose', '--kernel', 'kernelbook']);
    expect(loose.stderr).toBe('');
    expect(loose.stdout).toMatch(/js\.ipynb .*passed/);
    expect(loose.stdout).toMatch(/ts\.ipynb .*passed/);
    const strict = await place.kernelbook(['run', 'strict.ipynb', '--no-check']);
    expect(strict.status).toBe(6);
    expect(strict.stdout).toMatch(/strict\.ipynb .*type error/);
  });

  it('puts late output into the cell that caused it', async () => {
    await place.notebook('late.ipynb', 'kernelbook', [
      "void setTimeout(() => console.log('late'), 200);",
      'await new Promise((resolve) => setTimeout(resolve, 800));',
    ]);
    await place.kernelbook(['run', 'late.ipynb']);
    expect((await executed('late.ipynb')).map((cell) => textOf(cell.outputs))).toEqual(['late\n', '']);
  });
});

describeRequires('venv', 'with ipykernel', () => {
  suite(python);

  it('names a kernel that died between cells', async () => {
    const soon = 'import threading, os\nthreading.Timer(0.02, os._exit, [3]).start()';
    await place.notebook('between.ipynb', 'python3', [soon, 'import time\ntime.sleep(5)']);
    const { status, stderr } = await place.kernelbook(['run', 'between.ipynb']);
    expect(status).toBe(5);
    expect(stderr).toMatch(/FAILED between\.ipynb, cell [12] .*KernelDiedError: the kernel python3 died/);
  });

  it('writes files that nbformat and papermill read', async () => {
    await place.notebook('read.ipynb', 'python3', [['n = 1', 'parameters'], 'n']);
    await place.kernelbook(['run', 'read.ipynb', '-p', 'n', '5']);
    const script = `
import sys, nbformat
from papermill.iorw import load_notebook_node
nb = load_notebook_node(sys.argv[1])
nbformat.validate(nb)
print(nb.metadata.papermill.parameters, [cell.metadata.papermill.status for cell in nb.cells], nb.cells[2].outputs[0].data['text/plain'])`;
    const shown = execFileSync('.venv/bin/python', ['-c', script, place.path('build/notebooks/read.ipynb')], {
      encoding: 'utf8',
    });
    expect(shown.trim()).toBe("{'n': 5} ['completed', 'completed', 'completed'] 5");
  });
});

describe('bad input', () => {
  beforeAll(async () => {
    await place.notebook('plain.ipynb', 'kernelbook', [['let steps: number = 1;', 'parameters']]);
    await place.notebook('other/plain.ipynb', 'kernelbook', ['1']);
    await place.notebook('alien.ipynb', 'kernelbok', ['1']);
    await place.write('old.ipynb', '{"nbformat": 3}');
    await place.write('homeless.ipynb', '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}');
  });

  it.each<[string, string[], RegExp]>([
    [
      'a notebook that is not there',
      ['plan.ipynb'],
      /^kernelbook run: plan\.ipynb: no such file or folder; did you mean plain\.ipynb\?$/,
    ],
    [
      'an invalid notebook',
      ['old.ipynb'],
      /^kernelbook run: old\.ipynb: not a valid notebook: nbformat is 3; it must be 4/,
    ],
    [
      'a kernel that is not there',
      ['alien.ipynb'],
      /^kernelbook run: alien\.ipynb: no kernel named "kernelbok", did you mean "kernelbook"\?/,
    ],
    [
      'no kernel named',
      ['homeless.ipynb'],
      /^kernelbook run: homeless\.ipynb: the notebook names no kernel; choose one with --kernel$/,
    ],
    [
      'an unknown --kernel',
      ['plain.ipynb', '-k', 'nope'],
      /^kernelbook run: plain\.ipynb: no kernel named "nope"/,
    ],
    [
      'an unknown parameter',
      ['plain.ipynb', '-p', 'step', '1'],
      /^kernelbook run: unknown parameter step, did you mean steps\?/,
    ],
    [
      'a parameter of the wrong type',
      ['plain.ipynb', '-p', 'steps', 'many'],
      /^kernelbook run: plain\.ipynb: parameter steps is "many", not number$/,
    ],
    ['a parameter without value', ['plain.ipynb', '-p', 'steps'], /needs a value/],
    ['two notebooks for one output', ['plain.ipynb', 'other/plain.ipynb'], /would both be written to/],
    ['an output over the input', ['plain.ipynb', '-o', '.'], /would be overwritten/],
    ['jobs that are no number', ['plain.ipynb', '-j', '0'], /Give a whole number/],
    ['an unknown backend', ['plain.ipynb', '-b', 'cuda'], /Allowed choices are webgpu/],
    ['an unknown option', ['plain.ipynb', '--fast'], /unknown option/],
  ])('%s: one clear line, exit 2, nothing written', async (_, args, message) => {
    const times = async () =>
      Promise.all(['plain.ipynb', 'old.ipynb'].map(async (file) => (await stat(place.path(file))).mtimeMs));
    const before = await times();
    const { status, stdout, stderr } = await place.kernelbook(['run', '-o', 'build/bad', ...args]);
    expect(stderr.trim()).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stdout).toBe('');
    expect(status).toBe(2);
    expect(existsSync(place.path('build/bad'))).toBe(false);
    expect(await times()).toEqual(before);
  });

  it('tells every fault of several notebooks at once', async () => {
    const { status, stderr } = await place.kernelbook(['run', 'old.ipynb', 'alien.ipynb', 'plain.ipynb']);
    expect(status).toBe(2);
    expect(stderr.trim().split('\n')).toHaveLength(2);
    expect(existsSync(join(place.folder, 'build/notebooks/plain.ipynb'))).toBe(false);
  });
});
