/** What execute_request does: counting, results, errors, silence, the queue. */
import { expect, test } from 'vitest';
import type { KernelClient } from '../../kernel/protocol/client.js';
import type { ContentMap } from '../../kernel/protocol/messages.js';
import { ofType, runCell, shareKernel, Wiretap } from './helpers.js';

let kernel: KernelClient;
shareKernel((started) => {
  kernel = started;
});

/** The number the next stored cell will get. */
async function nextCount(): Promise<number> {
  const { reply } = await runCell(kernel, '', { silent: true });
  return (reply as { execution_count: number }).execution_count + 1;
}

test('names and types of one cell are known in the next, and may be declared anew', async () => {
  expect((await runCell(kernel, 'const x: number = 6; x')).result).toBe('6');
  expect((await runCell(kernel, 'x * 7')).result).toBe('42');
  expect((await runCell(kernel, 'const x = "six"; x.toUpperCase()')).result).toBe("'SIX'");
  expect((await runCell(kernel, 'x.length')).result).toBe('3');
});

test('top-level await, imports of Node and of this package', async () => {
  expect((await runCell(kernel, 'await Promise.resolve(5)')).result).toBe('5');
  expect((await runCell(kernel, 'import { basename } from "node:path"; basename("/a/b")')).result).toBe(
    "'b'",
  );
  const run = await runCell(kernel, 'import { display as show } from "kernelbook"; typeof show');
  expect(run.result).toBe("'function'");
});

test('a type error is reported before anything runs', async () => {
  const run = await runCell(kernel, 'console.log("ran");\nconst wrong: string = 1;');
  expect(run.stdout).toBe('');
  const [error] = ofType(run.outputs, 'error');
  expect(error!.content).toMatchObject({ ename: 'CompileError' });
  expect(error!.content.evalue).toMatch(/^line 2, column 7: TS2322: Type 'number' is not assignable/);
  expect(error!.content.traceback.join('\n')).toContain('const wrong: string = 1;');
  expect(run.reply).toMatchObject({ status: 'error', ename: 'CompileError' });
  expect((await runCell(kernel, 'wrong')).reply).toMatchObject({ status: 'error', ename: 'CompileError' });
});

test('an exception: error message and reply say the same, and where', async () => {
  const run = await runCell(kernel, 'const before = 1;\nthrow new RangeError("too far")');
  const [error] = ofType(run.outputs, 'error');
  expect(error!.content).toMatchObject({ ename: 'RangeError', evalue: 'too far' });
  expect(error!.content.traceback.join('\n')).toMatch(/cell \d+, line 2/);
  const {
    execution_count: _,
    status,
    ...rest
  } = run.reply as ContentMap['execute_reply'] & {
    execution_count: number;
  };
  expect(status).toBe('error');
  expect(rest).toEqual(error!.content);
});

test('silent: no output at all, no count, but the code ran', async () => {
  const next = await nextCount();
  const run = await runCell(kernel, 'const hidden = 5; console.log("x"); hidden', { silent: true });
  expect(run.outputs).toEqual([]);
  expect(run.reply).toMatchObject({ status: 'ok' });
  const failed = await runCell(kernel, 'throw new Error("quiet")', { silent: true });
  expect(failed.outputs).toEqual([]);
  expect(failed.reply).toMatchObject({ status: 'error', evalue: 'quiet' });
  expect((await runCell(kernel, 'hidden')).reply).toMatchObject({ execution_count: next });
});

test('store_history off: outputs, but neither count nor history', async () => {
  const next = await nextCount();
  const run = await runCell(kernel, '"not kept"', { storeHistory: false });
  expect(run.result).toBe("'not kept'");
  const reply = await kernel.request('history', {
    output: false,
    raw: true,
    hist_access_type: 'tail',
    n: 50,
  });
  expect(JSON.stringify(reply)).not.toContain('not kept');
  expect((await runCell(kernel, '1')).reply).toMatchObject({ execution_count: next });
});

test('an empty cell does nothing and does not count', async () => {
  const next = await nextCount();
  for (const code of ['', '  \n\t\n']) {
    const run = await runCell(kernel, code);
    expect(run.outputs).toEqual([]);
    expect(run.reply).toMatchObject({ status: 'ok', execution_count: next - 1 });
  }
  const comment = await runCell(kernel, '// nothing but a comment');
  expect(comment.outputs).toEqual([]);
  expect(comment.reply).toMatchObject({ status: 'ok', execution_count: next });
});

test('user_expressions are evaluated after the cell; a bad one harms no other', async () => {
  const run = await runCell(kernel, 'const base = 20', {
    userExpressions: { good: 'base + 1', unknown: 'nobody', thrown: '(() => { throw new Error("no") })()' },
  });
  expect(run.reply).toMatchObject({
    status: 'ok',
    user_expressions: {
      good: { status: 'ok', data: { 'text/plain': '21' } },
      unknown: { status: 'error', ename: 'CompileError' },
      thrown: { status: 'error', ename: 'Error', evalue: 'no' },
    },
  });
  expect(run.outputs).toEqual([]);
});

test('a user expression that JSON cannot hold is an error of that expression, and the queue goes on', async () => {
  const bundle = "({ toMimeBundle: () => ({ 'text/plain': 'x', 'application/json': 10n }) })";
  const runs = await Promise.all([
    runCell(kernel, '1', { userExpressions: { big: bundle }, stopOnError: false }),
    runCell(kernel, '2'),
  ]);
  expect(runs[0]!.reply).toMatchObject({
    status: 'ok',
    user_expressions: { big: { status: 'error', ename: 'TypeError' } },
  });
  expect(runs[1]!.result).toBe('2');
});

test('after an error what is queued is aborted; what comes after the reply is not', async () => {
  const runs = await Promise.all([
    runCell(kernel, 'await new Promise((r) => setTimeout(r, 50)); throw new Error("stop")'),
    runCell(kernel, 'console.log("must not run")'),
    runCell(kernel, 'console.log("nor this")'),
  ]);
  expect(runs.map(({ reply }) => reply.status)).toEqual(['error', 'aborted', 'aborted']);
  expect(runs[1]!.outputs.concat(runs[2]!.outputs)).toEqual([]);
  expect((await runCell(kernel, '1 + 1')).result).toBe('2');
});

test('stop_on_error off: the queue goes on', async () => {
  const runs = await Promise.all([
    runCell(kernel, 'throw new Error("go on")', { stopOnError: false }),
    runCell(kernel, '"went on"'),
  ]);
  expect(runs.map(({ reply }) => reply.status)).toEqual(['error', 'ok']);
  expect(runs[1]!.result).toBe("'went on'");
});

test('cells run in the order they were sent, each seeing the one before', async () => {
  await runCell(kernel, 'let steps: number[] = []');
  const runs = await Promise.all(
    Array.from({ length: 12 }, (_, i) =>
      runCell(
        kernel,
        `await null; steps.push(${i}); const step${i} = ${i ? `step${i - 1} + 1` : 0}; step${i}`,
      ),
    ),
  );
  expect(runs.map(({ result }) => result)).toEqual(runs.map((_, i) => String(i)));
  expect((await runCell(kernel, 'steps.join()')).result).toBe("'0,1,2,3,4,5,6,7,8,9,10,11'");
});

test('input asks the front end; without one the cell fails where it asks', async () => {
  const asked: [string, boolean][] = [];
  const run = await runCell(
    kernel,
    'console.log("first");\nconst who = await input("who? ");\nconst secret = await input("", { password: true });\n[who, secret].join("/")',
    {
      onInput: (prompt, password) => {
        asked.push([prompt, password]);
        return password ? 'hush' : 'Ada 😀';
      },
    },
  );
  expect(asked).toEqual([
    ['who? ', false],
    ['', true],
  ]);
  expect(run).toMatchObject({ stdout: 'first\n', result: "'Ada 😀/hush'" });
  const refused = await runCell(kernel, 'await input("who? ")');
  expect(refused.reply).toMatchObject({ status: 'error' });
  expect(JSON.stringify(refused.reply)).toContain('takes no input');
  expect((refused.reply as { traceback: string[] }).traceback.join('\n')).not.toContain('user-thread');
});

test('history: tail, range and search, with and without outputs', async () => {
  const next = await nextCount();
  const cells = ['"needle 1"', '"hay"', '"needle 2"', '"needle 1"'];
  for (const cell of cells) await runCell(kernel, cell);
  const ask = async (extra: object): Promise<unknown[]> => {
    const reply = await kernel.request('history', { output: false, raw: true, ...extra } as never);
    if (reply.status !== 'ok') throw new Error(JSON.stringify(reply));
    return reply.history;
  };
  expect(await ask({ hist_access_type: 'tail', n: 4 })).toEqual(cells.map((cell, i) => [1, next + i, cell]));
  expect(await ask({ hist_access_type: 'tail', n: 1, output: true })).toEqual([
    [1, next + 3, ['"needle 1"', "'needle 1'"]],
  ]);
  const range = { hist_access_type: 'range', session: 0, start: next + 1, stop: next + 3 };
  expect(await ask(range)).toEqual([
    [1, next + 1, '"hay"'],
    [1, next + 2, '"needle 2"'],
  ]);
  expect(await ask({ ...range, session: -1 })).toEqual([]);
  const search = { hist_access_type: 'search', pattern: '"needle*' };
  expect(await ask({ ...search, n: 2 })).toHaveLength(2);
  expect(await ask({ ...search, unique: true })).toHaveLength(2);
  expect(await ask({ ...search, pattern: '*[12]"' })).toHaveLength(3);
  expect(await ask({ ...search, pattern: 'needle' })).toEqual([]);
});

test('a request with bad content gets an error reply that names the field', async () => {
  const tap = new Wiretap(kernel);
  await tap.welcomed();
  for (const [name, content, field] of [
    ['execute', { code: 7 }, 'code'],
    ['complete', { code: 'x', cursor_pos: 'end' }, 'cursor_pos'],
    ['history', { hist_access_type: 'guess' }, 'hist_access_type'],
  ] as const) {
    const reply = await tap.request('shell', name, content);
    expect(reply.content).toMatchObject({ status: 'error', ename: 'RequestError' });
    expect((reply.content as { evalue: string }).evalue).toContain(`${name}_request: ${field} must be`);
  }
  tap.close();
});
