/** Interrupts: wherever the code is, the cell ends with KeyboardInterrupt and the kernel works on. */

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Request } from 'zeromq';
import type { KernelClient } from '../../kernel/protocol/client.js';
import { endpoint } from '../../kernel/protocol/connection-file.js';
import { patienceMs } from '../support/patience.js';
import { begin, eventually, runCell, shareKernel } from './helpers.js';

let kernel: KernelClient;
shareKernel(async (started) => {
  kernel = started;
  await runCell(kernel, 'const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));');
});

const places: Record<string, string> = {
  'a loop': 'while (true) {}',
  'a function that catches everything': 'for (;;) { try { JSON.parse("{") } catch {} }',
  'try/finally': 'try { while (true) {} } finally { console.log("finally") }',
  'after an await': 'await pause(20); while (true) {}',
  'a microtask': 'await null; while (true) {}',
  'a timer': 'await new Promise(() => setTimeout(() => { while (true) {} }, 20))',
  'an interval': 'await new Promise(() => setInterval(() => { while (true) {} }, 20))',
  nextTick: 'await new Promise(() => process.nextTick(() => { while (true) {} }))',
  setImmediate: 'await new Promise(() => setImmediate(() => { while (true) {} }))',
  'a file callback':
    'const { readFile } = require("node:fs"); await new Promise(() => readFile("package.json", () => { while (true) {} }))',
  'a regular expression': '/(a+)+$/.test("a".repeat(40) + "b")',
  'Atomics.wait': 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)',
  'a sort': 'while (true) Array.from({ length: 1e5 }, Math.random).sort()',
  'a generator': 'for (const x of (function* () { while (true) yield 1 })()) {}',
  'an await that never ends': 'await new Promise(() => {})',
  input: 'await input("?")',
  'printing without end': 'while (true) console.log("x")',
};

/** @param until what the kernel must have published of the cell; a while later it is interrupted */
async function interrupted(
  code: string,
  stop: () => unknown,
  { afterMs = 100, until = 'execute_input' as 'execute_input' | 'stream' } = {},
): Promise<void> {
  const { end } = await begin(kernel, code, { until, onInput: () => new Promise<string>(() => {}) });
  await sleep(afterMs);
  await stop();
  const { reply, outputs } = await end;
  expect(reply).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });
  expect(outputs.at(-1)).toMatchObject({ type: 'error', content: { ename: 'KeyboardInterrupt' } });
}

async function works(): Promise<void> {
  const run = await runCell(
    kernel,
    'await pause(1); await new Promise<void>((r) => setImmediate(r)); await null; typeof pause + 6 * 7',
  );
  expect(run.result).toBe("'function42'");
}

describe('by message', () => {
  test.each(Object.entries(places))('%s', async (_, code) => {
    await interrupted(code, () => kernel.interrupt());
    await works();
  });

  test('names of earlier cells keep their values', async () => {
    await runCell(kernel, 'let kept = 1');
    await interrupted('kept = 2; console.log(kept); while (true) {}', () => kernel.interrupt(), {
      until: 'stream',
    });
    expect((await runCell(kernel, 'kept')).result).toBe('2');
  });

  test('what is queued behind the interrupted cell is aborted', async () => {
    const { end } = await begin(kernel, 'while (true) {}');
    const queued = runCell(kernel, '1');
    await kernel.request('comm_info', {}); // answered when what was sent before it has come
    await kernel.interrupt();
    expect((await Promise.all([end, queued])).map(({ reply }) => reply.status)).toEqual(['error', 'aborted']);
  });

  test('with nothing running it does nothing', async () => {
    await kernel.interrupt();
    await works();
  });

  test('a cell that wakes up after the interrupt and loops does not block the next', async () => {
    await interrupted('await pause(400); while (true) {}', () => kernel.interrupt());
    await sleep(600);
    await works();
  });

  test('a timer it left behind that loops while the next cell waits does not block that either', async () => {
    await interrupted('setTimeout(() => { while (true) {} }, 500); await pause(1e6)', () =>
      kernel.interrupt(),
    );
    expect((await runCell(kernel, 'await pause(900); "waited"')).result).toBe("'waited'");
    // A loop of the new cell itself is nobody's leftover.
    const own = 'for (const end = Date.now() + 1500; Date.now() < end; ) {} "looped"';
    await interrupted('await pause(1e6)', () => kernel.interrupt());
    expect((await runCell(kernel, own)).result).toBe("'looped'");
  });

  test('code left behind in a timer is stopped when no cell runs', async () => {
    await runCell(kernel, 'setTimeout(() => { while (true) {} }, 50); 1');
    await sleep(200);
    await kernel.interrupt();
    await works();
  });

  test('again and again', async () => {
    for (let i = 0; i < 8; i++)
      await interrupted(
        i % 2 ? 'while (true) {}' : 'await pause(10); while (true) {}',
        () => kernel.interrupt(),
        { afterMs: 20 },
      );
    await works();
  });
});

describe('a program that the cell waits for is ended, and the kernel goes on', () => {
  const waits: Record<string, string> = {
    execSync: "require('node:child_process').execSync('sleep 600')",
    'execSync, inherit': "require('node:child_process').execSync('sleep 600', { stdio: 'inherit' })",
    execFileSync: "require('node:child_process').execFileSync('sleep', ['600'])",
    spawnSync: "require('node:child_process').spawnSync('sleep', ['600']); while (true) {}",
    'a program below a shell': "require('node:child_process').execSync('sleep 600; sleep 601')",
    'a program that does not mind Ctrl-C':
      "require('node:child_process').execSync('trap \"\" INT; sleep 600; sleep 601')",
    'a program that minds nothing':
      "require('node:child_process').execSync('trap \"\" INT TERM; sleep 600; sleep 601')",
    'again and again': "for (;;) try { require('node:child_process').execSync('sleep 600') } catch {}",
  };

  test.each(Object.entries(waits))('%s', async (_, code) => {
    const { pid } = kernel;
    await runCell(kernel, "let kept = 'foo'");
    await interrupted(code, () => kernel.interrupt(), { afterMs: 400 });
    expect(kernel.pid).toBe(pid);
    expect((await runCell(kernel, 'kept')).result).toBe("'foo'");
    const left =
      "require('node:child_process').spawnSync('sh', ['-c', 'cat /proc/[0-9]*/stat 2>/dev/null']).stdout.toString()";
    const sleeping = `${left}.split('\\n').filter((line: string) => line.includes(' (sleep) ') && line.split(') ')[1]!.split(' ')[1] === String(process.pid)).length`;
    expect((await runCell(kernel, sleeping)).result).toBe('0');
  });

  test('by SIGINT to the kernel process alone', async () => {
    await interrupted(waits.execSync!, () => process.kill(kernel.pid!, 'SIGINT'), { afterMs: 400 });
    await works();
  });

  test('programs of the next cell are not ended with those of the interrupted one', async () => {
    const next = "require('node:child_process').execSync('sleep 1; echo done').toString()";
    for (let i = 0; i < 3; i++) {
      const { end } = await begin(kernel, waits.execSync!, { until: 'execute_input' });
      await sleep(300);
      const interrupt = kernel.interrupt();
      await end;
      expect((await runCell(kernel, next)).result).toBe("'done\\n'");
      await interrupt;
    }
  });

  test('programs that run beside it go on', async () => {
    await runCell(
      kernel,
      "const beside = require('node:child_process').spawn('sleep', ['600']); let besideEnded = false; beside.on('exit', () => { besideEnded = true })",
    );
    await interrupted(waits.execSync!, () => kernel.interrupt(), { afterMs: 400 });
    expect((await runCell(kernel, 'await pause(50); besideEnded')).result).toBe('false');
    await runCell(kernel, 'beside.kill(); await pause(50)');
    expect((await kernel.complete('Math.sqr')).matches).toContain('sqrt');
  });
});

test('an interrupted cell keeps the names that have their values', async () => {
  await interrupted('const early = { rows: 3 }; await pause(1e6); const late = 1', () => kernel.interrupt());
  expect((await runCell(kernel, 'early.rows.toFixed(1)')).result).toBe("'3.0'");
  expect((await runCell(kernel, 'late')).reply).toMatchObject({ ename: 'CompileError' });
});

test('of a flood that is interrupted the last lines are shown, and how much was held back', async () => {
  const code = `process.stdout.write(('x'.repeat(1000) + '\\n').repeat(3_000)); console.log('last'); await pause(1e6)`;
  let begun = () => {};
  const first = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const texts = { stdout: '', stderr: '' };
  const running = kernel.execute(code, {
    onOutput: ({ type, content }) => {
      if (type !== 'stream') return;
      const { name, text } = content as { name: 'stdout' | 'stderr'; text: string };
      texts[name] += text;
      begun();
    },
  });
  await first;
  await kernel.interrupt();
  const reply = await running;
  const { stdout, stderr } = texts;
  expect(reply).toMatchObject({ ename: 'KeyboardInterrupt' });
  // What the front end had taken before the interrupt is there too: that may be all of it.
  expect(stdout).toMatch(/x\nlast\n$/);
  if (stdout.length < 3_003_005)
    expect(stderr).toMatch(
      /^\[kernelbook\] \d\.\d MiB of output were held back when the cell was interrupted/,
    );
  else expect(stderr).toBe('');
});

describe('by SIGINT to the kernel process alone', () => {
  test.each(['while (true) {}', 'await new Promise(() => {})'])('%s', async (code) => {
    await interrupted(code, () => process.kill(kernel.pid!, 'SIGINT'));
    await works();
  });
});

test('the heartbeat is answered while a cell loops', async () => {
  const run = runCell(kernel, 'while (true) {}');
  const heart = new Request({ linger: 0, receiveTimeout: patienceMs });
  heart.connect(endpoint(kernel.process.connection, 'hb_port'));
  for (let i = 0; i < 20; i++) {
    await heart.send(`beat ${i}`);
    expect((await heart.receive()).map(String)).toEqual([`beat ${i}`]);
  }
  heart.close();
  await kernel.interrupt();
  await run;
});

test('language help is answered while a cell loops, and the kernel still counts as busy', async () => {
  const states: string[] = [];
  const stop = kernel.onMessage((message) => {
    if (message.type === 'status')
      states.push((message.content as { execution_state: string }).execution_state);
  });
  const run = runCell(kernel, 'while (true) {}');
  await eventually('busy', () => states.includes('busy'));
  expect((await kernel.complete('Math.sqr')).matches).toContain('sqrt');
  expect(await kernel.isComplete('if (true) {')).toMatchObject({ status: 'incomplete' });
  expect(await kernel.inspect('Math.sqrt')).toMatchObject({ found: true });
  expect(await kernel.request('kernel_info', {})).toMatchObject({ status: 'ok' });
  await eventually('busy again', () => states.at(-1) === 'busy');
  stop();
  await kernel.interrupt();
  expect((await run).reply.status).toBe('error');
});

test('an interval that was interrupted does not start its loop again', async () => {
  await runCell(kernel, 'let turns = 0;');
  for (const ms of [5, 150]) {
    const code = 'turns = 0; await new Promise(() => setInterval(() => { turns++; while (true) {} }, 30));';
    const { end } = await begin(kernel, code);
    await sleep(ms); // before its first turn, and during it
    await kernel.interrupt();
    expect((await end).reply).toMatchObject({ ename: 'KeyboardInterrupt' });
    const later = await runCell(kernel, 'await new Promise((done) => setTimeout(done, 500)); turns');
    expect(['0', '1']).toContain(later.result);
  }
});

test('immediates before and behind an interrupted one run once each', async () => {
  await runCell(
    kernel,
    'let ran: string[] = []; const mark = (name: string) => setImmediate(() => void ran.push(name));',
  );
  for (const before of [[], ['a', 'b']]) {
    const marks = (names: string[]) => names.map((name) => `mark("${name}");`).join(' ');
    const loop = 'setImmediate(() => { console.log("loops"); while (true) {} });';
    const code = `ran = []; ${marks(before)} ${loop} ${marks(['y', 'z'])} await new Promise(() => {});`;
    const { end } = await begin(kernel, code, { until: 'stream' });
    await kernel.interrupt();
    expect((await end).reply).toMatchObject({ ename: 'KeyboardInterrupt' });
    const later = await runCell(kernel, 'await new Promise((done) => setTimeout(done, 50)); ran.join("")');
    expect(later.result).toBe(`'${before.join('')}yz'`);
  }
  const idle = await runCell(
    kernel,
    'const from = process.cpuUsage(); await new Promise((done) => setTimeout(done, 500)); process.cpuUsage(from).user < 250_000',
  );
  expect(idle.result).toBe('true');
});
