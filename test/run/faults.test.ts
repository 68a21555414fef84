/**
 * The fault table of the runner, with our kernel and ipykernel: whatever goes wrong, the exit status is that of the
 * kind of fault, the cause is named, what was shown so far is in the file, the file is valid, and no kernel is left. An
 * invalid notebook, an unknown kernel, a bad parameter and Ctrl-C in a cell are in `run.test.ts`, output without end in
 * `faults-output.test.ts`.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readNotebook } from '../../scripts/notebook/read.js';
import { describeRequires, requires, skipNote } from '../support/requires.js';
import { statusOf, textOf, Workplace } from './helpers.js';

interface Language {
  kernel: string;
  print: (text: string) => string;
  /** Shows its process id, then runs without end. */
  forever: string;
  /** Allocates and fills 30 MiB, ten times a second, without end. */
  greedy: string;
  input: string;
  /** What the user is told of it. */
  refusal: RegExp;
  fail: string;
  /** Seconds after which a cell is taken to have no end. */
  enough: string;
}

const typescript: Language = {
  kernel: 'kernelbook',
  print: (text) => `console.log(${JSON.stringify(text)})`,
  forever:
    'console.log("pid", process.pid);\nawait new Promise((resolve) => setTimeout(resolve, 300));\nfor (;;) {}',
  greedy: `const held: Buffer[] = [];
for (;;) { held.push(Buffer.alloc(30 * 2 ** 20, 1)); await new Promise((resolve) => setTimeout(resolve, 100)); }`,
  input: "const name = await input('your name? ')",
  refusal: /cell 2 .*: input: the front end that runs this cell takes no input/,
  fail: "throw new RangeError('too far')",
  enough: '2',
};
const python: Language = {
  kernel: 'python3',
  print: (text) => `print(${JSON.stringify(text)})`,
  forever: 'import os\nprint("pid", os.getpid(), flush=True)\nwhile True: pass',
  greedy: `import time
held = []
while True:
    held.append(b"1" * (30 * 2**20))
    time.sleep(0.1)`,
  // As a kernel that does not heed allow_stdin.
  input: "get_ipython().kernel._allow_stdin = True\ninput('your name? ')",
  refusal:
    /cell 2 .*StdinNotImplementedError: the cell asked for input \("your name\? "\), which a run without a person cannot give/,
  fail: "raise ValueError('too far')",
  enough: '1',
};

// On a machine with other work, starting kernels takes its time.
let place: Workplace;
beforeAll(async () => {
  place = await Workplace.create();
});
afterEach(async () => {
  await setAside();
  await rm(place.path('build'), { recursive: true, force: true });
  // Below a kernel that was killed, the rest ends when it notices.
  await expect.poll(() => place.leftBehind()).toEqual([]);
});
afterAll(async () => {
  await checkAll();
  await place.remove();
});

/** Keeps what a test has left for the check at the end: starting Python takes long. */
async function setAside(): Promise<void> {
  const folder = place.path('build/notebooks');
  await mkdir(place.path('left'), { recursive: true });
  const before = (await readdir(place.path('left'))).length;
  for (const [index, file] of (await readdir(folder).catch(() => [])).entries())
    await rename(join(folder, file), place.path('left', `${before + index}-${file}`));
}

/** Every file that the tests have left is a notebook for us and, where there is Python, for nbformat. */
async function checkAll(): Promise<void> {
  const files = (await readdir(place.path('left'))).map((file) => place.path('left', file));
  expect(files.length).toBeGreaterThan(5);
  for (const file of files) await readNotebook(file);
  if (!requires('venv').ok) return;
  const script =
    'import sys, nbformat\nfor file in sys.argv[1:]: nbformat.validate(nbformat.read(file, as_version=4))';
  execFileSync('.venv/bin/python', ['-c', script, ...files]);
}

const saved = (file: string) => {
  try {
    return readFileSync(place.path('build/notebooks', file), 'utf8');
  } catch {
    return '';
  }
};

function suite(language: Language): void {
  const { kernel, print, forever, enough } = language;
  const file = `${kernel}.ipynb`;

  it('kernel killed (-9) within a cell: what the cell has shown is saved meanwhile', async () => {
    await place.notebook(file, kernel, [print('first'), forever, print('never')]);
    let ended = false;
    const running = place.kernelbook(['run', file]).finally(() => {
      ended = true;
    });
    let pid: string | undefined;
    while (!pid && !ended) {
      await sleep(100);
      pid = /pid (\d+)/.exec(saved(file))?.[1];
    }
    if (pid) process.kill(Number(pid), 'SIGKILL');
    const { status, stderr } = await running;
    expect(status).toBe(5);
    expect(stderr).toMatch(
      new RegExp(
        `cell 2 \\(In \\[2\\]\\) "cell-2": KernelDiedError: the kernel ${kernel} died \\(signal SIGKILL, from outside.*; it had used up to \\d`,
      ),
    );
    const cells = await place.executed(file);
    expect(textOf(cells[0]!.outputs)).toBe('first\n');
    expect(textOf(cells[1]!.outputs)).toBe(`pid ${pid}\nerror`);
    expect(cells.map(statusOf)).toEqual(['completed', 'failed', 'pending']);
  });

  it('infinite loop: the limit that was reached is named', async () => {
    const own = { source: forever, metadata: { kernelbook: { timeout: Number(enough) } } };
    await place.notebook(file, kernel, [own, print('never')]);
    const cell = await place.kernelbook(['run', file]);
    expect(cell.status).toBe(4);
    expect(cell.stderr).toContain(
      `KernelTimeoutError: the cell did not finish within ${enough} s (its metadata kernelbook.timeout) and was interrupted\n`,
    );
  });

  it('too much memory: the kernel is killed, limit and use are named', async () => {
    await place.notebook(file, kernel, [print('first'), language.greedy]);
    const { status, stderr } = await place.kernelbook(['run', file, '--max-memory', '700MiB']);
    expect(status).toBe(5);
    expect(stderr).toMatch(
      /cell 2 .*MemoryLimitError: the kernel used [\d.]+ [MG]iB, more than the 700 MiB it may have \(--max-memory\), and was killed/,
    );
    expect(textOf((await place.executed(file))[0]!.outputs)).toBe('first\n');
  });

  it('a question on stdin: refused, with its text', async () => {
    await place.notebook(file, kernel, [print('first'), language.input, print('never')]);
    const { status, stderr } = await place.kernelbook(['run', file]);
    expect(status).toBe(1);
    expect(stderr).toMatch(language.refusal);
  });

  it('the error that a cell must raise: another one, or the right one', async () => {
    const [name, type] = [`${kernel}-other.ipynb`, kernel === 'python3' ? 'ValueError' : 'RangeError'];
    await place.notebook(file, kernel, [
      [language.fail, `expect-error: /^${type}: too (far|near)$/`],
      print('goes on'),
    ]);
    await place.notebook(name, kernel, [[language.fail, 'expect-error: /TypeError/i'], print('never')]);
    const { status, stdout, stderr } = await place.kernelbook(['run', file, name]);
    expect(status).toBe(3);
    expect(stdout).toContain(`[1/2] ${file}  passed`);
    expect(stderr).toContain(
      `FAILED ${name}, cell 1 (In [1]) "cell-1": UnexpectedError: the cell must raise an error that matches /TypeError/i, but it raised ${type}: too far`,
    );
  });

  it('output folder gone: made again; replaced by a file: not saved', async () => {
    const remove = `${kernel === 'python3' ? 'import shutil\nshutil.rmtree' : "const { rmSync } = await import('node:fs');\nrmSync"}('build'${kernel === 'python3' ? ')' : ', { recursive: true });'}`;
    await place.notebook(file, kernel, [remove, print('kept')]);
    const gone = await place.kernelbook(['run', file]);
    expect(gone.status).toBe(0);
    expect(textOf((await place.executed(file))[1]!.outputs)).toBe('kept\n');

    const replace =
      kernel === 'python3'
        ? `${remove}\nopen('build', 'w').close()`
        : `${remove}\n(await import('node:fs')).writeFileSync('build', '');`;
    await place.notebook(file, kernel, [print('first'), replace, print('never')]);
    const { status, stderr } = await place.kernelbook(['run', file]);
    expect(status).toBe(8);
    expect(stderr).toContain(
      `NotSavedError: build/notebooks/${file} could not be written: its folder is no folder (E`,
    );
    // A disk so slow that a save would hold up the next cell is not waited for after each.
    expect(stderr).toMatch(/the file (holds the run up to cell 1|is that from before the first cell)/);
  });
}

describe('with our kernel', () => {
  suite(typescript);

  it('the limit of a whole notebook counts all its cells', async () => {
    const half = 'await new Promise((resolve) => setTimeout(resolve, 5000))';
    await place.notebook('long.ipynb', 'kernelbook', [half, half, half]);
    const { status, stderr } = await place.kernelbook(['run', 'long.ipynb', '--notebook-timeout', '8']);
    expect(status).toBe(4);
    expect(stderr).toMatch(
      /cell \d \(In \[\d\]\) "cell-\d": NotebookTimeoutError: the notebook did not finish within 8 s \(--notebook-timeout\) and was interrupted\n/,
    );
  });
});

describeRequires('venv', 'with ipykernel', () => {
  suite(python);
});

/** A mount of its own for the command, gone with it: what is written there is only seen by the command. */
const smallDisk = ['unshare', '-rm', 'sh', '-c', 'mount -t tmpfs -o size=300k none small && exec "$0" "$@"'];
const mounts = spawnSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs none /mnt'], { encoding: 'utf8' });
const noMounts = mounts.error?.message ?? mounts.stderr;
const title = 'full disk';
(mounts.status === 0 ? describe : describe.skip)(
  mounts.status === 0 ? title : `${title} ${skipNote('mounts', noMounts)}`,
  () => {
    // The file is copied out while it can still be seen.
    const copy = (file: string) =>
      `(await import('node:fs')).cpSync('small/${file}', 'build/notebooks/${file}')`;

    it('stops the run, names the cause; the last good file is intact', async () => {
      await place.notebook('full.ipynb', 'kernelbook', [
        "console.log('first')",
        `await import('node:fs').then(({ mkdirSync }) => mkdirSync('build/notebooks', { recursive: true }));
setInterval(async () => ${copy('full.ipynb')}, 50);
for (let line = 0; line < 5000; line++) console.log('x'.repeat(100));`,
        'await new Promise((resolve) => setTimeout(resolve, 60_000))',
        "console.log('never')",
      ]);
      await mkdir(place.path('small'));
      const { status, stdout, stderr } = await place.kernelbook(
        ['run', 'full.ipynb', '-o', 'small'],
        undefined,
        {
          prefix: smallDisk,
        },
      );
      expect(stderr).toContain(
        'FAILED full.ipynb, cell 2 (In [2]) "cell-2": NotSavedError: small/full.ipynb could not be written: the disk is full (ENOSPC); the file holds the run up to cell 1',
      );
      expect(stdout).toMatch(/not saved$/m);
      expect(status).toBe(8);
      const cells = await place.executed('full.ipynb');
      expect(textOf(cells[0]!.outputs)).toBe('first\n');
      expect(cells.map(statusOf)).toEqual(['completed', 'pending', 'pending', 'pending']);
    });
  },
);

const built = (path: string) => JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href);

/** Answers kernel_info with what it is told, and runs every cell without doing anything. */
const oddKernel = `
import { readConnectionFile } from ${built('kernel/protocol/connection-file.js')};
import { KernelSockets } from ${built('kernel/protocol/sockets.js')};
import { Session } from ${built('kernel/protocol/wire.js')};
const [, , file, info] = process.argv;
const connection = readConnectionFile(file);
const session = new Session(connection.key);
const sockets = new KernelSockets(connection, session, (channel, { message, identities }) => {
  const { type, header: parent } = message;
  if (type === 'shutdown_request') process.exit(0);
  const content = type === 'kernel_info_request' ? JSON.parse(info) : { status: 'ok', execution_count: 1 };
  sockets.send(channel, session.make(type.replace('request', 'reply'), content, { parent }), identities);
  sockets.publish(session.make('status', { execution_state: 'idle' }, { parent }));
}, () => {});
await sockets.bind();
`;

describe('kernels that never start', () => {
  const spec = (name: string, argv: string[]) =>
    place.write(
      `data/kernels/${name}/kernel.json`,
      JSON.stringify({ argv, display_name: name, language: 'x' }),
    );
  const env = () => ({ JUPYTER_PATH: place.path('data') });
  beforeAll(async () => {
    await spec('silent', ['sleep', '1000']);
    await spec('broken', ['sh', '-c', 'echo no such module >&2; exit 3']);
    await place.write('odd-kernel.mjs', oddKernel);
    const odd = (info: object) => [
      ...[process.execPath, place.path('odd-kernel.mjs'), '{connection_file}', JSON.stringify(info)],
    ];
    await spec(
      'refusing',
      odd({ status: 'error', ename: 'LicenceError', evalue: 'no licence', traceback: [] }),
    );
    await spec('nameless', odd({ status: 'ok', implementation: 'odd', language_info: null }));
    for (const kernel of ['silent', 'broken', 'refusing', 'nameless'])
      await place.notebook(`${kernel}.ipynb`, kernel, ['1']);
  });

  it('one that does not answer is given up after --start-timeout', async () => {
    const { status, stderr } = await place.kernelbook(
      ['run', 'silent.ipynb', '--start-timeout', '1'],
      undefined,
      {
        env: env(),
      },
    );
    expect(status).toBe(5);
    expect(stderr).toContain(
      'FAILED silent.ipynb, before its first cell: KernelStartError: the kernel silent did not answer within 1 s (sleep 1000)',
    );
    expect((await place.executed('silent.ipynb')).map(statusOf)).toEqual(['pending']);
  });

  it('one that ends at once is told with what it wrote', async () => {
    const { status, stderr } = await place.kernelbook(['run', 'broken.ipynb'], undefined, { env: env() });
    expect(status).toBe(5);
    expect(stderr).toMatch(
      /KernelStartError: the kernel broken did not start \(exit code 3; .*\):\nno such module/,
    );
  });

  it('one that answers with an error is told with it, and ended', async () => {
    const { status, stderr } = await place.kernelbook(['run', 'refusing.ipynb'], undefined, { env: env() });
    expect(status).toBe(5);
    expect(stderr).toMatch(
      /KernelStartError: the kernel refusing did not start \(kernel_info was answered with \{"status":"error".*no licence/,
    );
    expect(place.leftBehind()).toEqual([]);
  });

  it('one that starts without telling its language leaves a valid file', async () => {
    const { status } = await place.kernelbook(['run', 'nameless.ipynb'], undefined, { env: env() });
    expect(status).toBe(0);
    const { metadata } = await readNotebook(place.path('build/notebooks/nameless.ipynb'));
    expect(metadata.language_info).toEqual({ name: 'x' });
  });

  it('Ctrl-C and the limit of the notebook do not wait for it', async () => {
    const limited = await place.kernelbook(['run', 'silent.ipynb', '--notebook-timeout', '0.5'], undefined, {
      env: env(),
    });
    expect(limited.status).toBe(4);
    expect(limited.stderr).toContain('before its first cell: NotebookTimeoutError');
    let pid = 0;
    const interrupted = place.kernelbook(
      ['run', 'silent.ipynb'],
      (started) => {
        pid = started;
      },
      { env: env() },
    );
    await rm(place.path('build'), { recursive: true, force: true });
    while (saved('silent.ipynb') === '') await sleep(50);
    process.kill(pid, 'SIGINT');
    expect((await interrupted).status).toBe(130);
  });
});
