/** Results, displays, streams, errors and what follows an error. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, type Check, type CheckGroup, must, mustEqual } from '../check.js';
import type { Content } from '../probe.js';
import type { SnippetName } from '../snippets/snippets.js';

const plain = (content: Content | undefined) =>
  String((content?.data as Content | undefined)?.['text/plain'] ?? '');

const result: Check = {
  name: 'the value of a cell is one execute_result with its count',
  section: 'Code outputs (execute_result)',
  async run({ probe, code }) {
    const { id, content } = await probe.execute(code('value'));
    const results = await probe.results(id);
    mustEqual(results.length, 1, 'the number of execute_result messages');
    must(plain(results[0]).includes('42'), `the result is ${JSON.stringify(results[0]!.data)}`);
    mustEqual(results[0]!.execution_count, content.execution_count, 'its count');
  },
};

const noResult: Check = {
  name: 'a statement has no execute_result',
  section: 'Code outputs (execute_result)',
  async run({ probe, code }) {
    const { id, content } = await probe.execute(code('statement'));
    mustEqual(content.status, 'ok', 'status');
    mustEqual(probe.published(id, 'execute_result').length, 0, 'the number of execute_result messages');
  },
};

const display: Check = {
  name: 'a display is display_data, not execute_result',
  section: 'Display data',
  async run({ probe, code }) {
    const { id } = await probe.execute(code('display'));
    const shown = probe.published(id, 'display_data');
    mustEqual(shown.map(plain), ['shown'], 'what display_data shows');
    mustEqual(probe.published(id, 'execute_result').length, 0, 'the number of execute_result messages');
  },
};

const update: Check = {
  name: 'a display with an id is updated by update_display_data',
  section: 'Update display data',
  async run({ probe, code }) {
    const { id } = await probe.execute(code('displayUpdate'));
    const [shown] = probe.published(id, 'display_data');
    const updates = probe.published(id, 'update_display_data');
    mustEqual(plain(shown), 'first', 'what display_data shows');
    must(updates.length > 0, 'no update_display_data');
    mustEqual(plain(updates.at(-1)), 'second', 'what update_display_data shows');
    const displayId = (content: Content | undefined) => (content?.transient as Content)?.display_id;
    must(typeof displayId(shown) === 'string', 'display_data has no transient.display_id');
    mustEqual(displayId(updates[0]), displayId(shown), 'transient.display_id of the update');
  },
};

const clear: Check = {
  name: 'clear_output says whether it waits',
  section: 'Clear output',
  async run({ probe, code }) {
    const { id } = await probe.execute(code('clearOutput'));
    const cleared = probe.published(id, 'clear_output');
    mustEqual(cleared.length, 1, 'the number of clear_output messages');
    must(typeof cleared[0]!.wait === 'boolean', 'wait is not a boolean');
  },
};

const stream = (name: 'stdout' | 'stderr', text: string): Check => ({
  name: `${name} arrives as it was written`,
  section: 'Streams (stdout, stderr, etc)',
  async run({ probe, code }) {
    const { id } = await probe.execute(code(name));
    await probe.until(`text on ${name}`, () => probe.text(id, name) !== '', 2_000);
    mustEqual(probe.text(id, name), text, 'the text');
    mustEqual(probe.text(id, name === 'stdout' ? 'stderr' : 'stdout'), '', 'the other stream');
  },
});

const lines: Check = {
  name: '20,000 lines arrive, all of them and in order',
  section: 'Streams (stdout, stderr, etc)',
  timeoutMs: 30_000,
  async run({ probe, code }) {
    const id = await probe.start(code('lines'));
    await probe.answer(id, 'execute_reply', 15_000);
    const all = () => probe.text(id, 'stdout').endsWith('line 19999\n');
    await probe.until('last line', all, 5_000).catch(() => {}); // what is missing is said below
    const got = probe.text(id, 'stdout').split('\n');
    if (got.at(-1) === '') got.pop();
    const wrong = got.findIndex((line, index) => line !== `line ${index}`);
    must(wrong < 0, `line ${wrong} is ${JSON.stringify(got[wrong]?.slice(0, 60))} (${got.length} lines)`);
    mustEqual(got.length, 20_000, 'the number of lines');
  },
};

const linesBeforeIdle: Check = {
  name: 'the last of 20,000 lines is published before idle',
  section: 'Kernel status; Streams (stdout, stderr, etc)',
  timeoutMs: 30_000,
  async run({ probe, code }) {
    const id = await probe.start(code('lines'));
    await probe.until('idle', () => probe.idle(id), 20_000);
    const messages = probe.messages(id);
    const isIdle = ({ content }: { content: object }) =>
      (content as { execution_state?: unknown }).execution_state === 'idle';
    const before = messages.slice(0, messages.findIndex(isIdle)).filter(({ type }) => type === 'stream');
    const lines =
      before
        .map(({ content }) => (content as { text: string }).text)
        .join('')
        .split('\n').length - 1;
    mustEqual(lines, 20_000, 'the number of lines before idle');
  },
};

const late: Check = {
  name: 'output after the end of its cell keeps the header of that cell as its parent',
  section: 'Parent header',
  async run({ probe, code }) {
    const { id } = await probe.execute(code('lateOutput'));
    await probe.execute(code('value')); // another cell is the latest one when the output comes
    await probe.until(
      'late output under its parent',
      () => probe.text(id, 'stdout').trim() === 'late',
      3_000,
    );
  },
};

function mustBeError(content: Content, where: string): void {
  must(typeof content.ename === 'string' && content.ename !== '', `no ename ${where}`);
  must(String(content.evalue).includes('boom'), `evalue ${where} is ${JSON.stringify(content.evalue)}`);
  const { traceback } = content;
  must(
    Array.isArray(traceback) && traceback.length > 0 && traceback.every((line) => typeof line === 'string'),
    `traceback ${where} is not a list of text`,
  );
}

const errorPublished: Check = {
  name: 'an error is published with ename, evalue and traceback',
  section: 'Execution errors',
  async run({ probe, code }) {
    const { id } = await probe.execute(code('failure'));
    const errors = probe.published(id, 'error');
    mustEqual(errors.length, 1, 'the number of error messages');
    mustBeError(errors[0]!, 'on iopub');
  },
};

const errorReply: Check = {
  name: 'an error is in the reply with ename, evalue, traceback and count',
  section: 'Execution results; Request-Reply',
  async run({ probe, code }) {
    const { content } = await probe.execute(code('failure'));
    mustEqual(content.status, 'error', 'status');
    mustBeError(content, 'in the reply');
    must(Number.isInteger(content.execution_count), 'no execution_count in the reply');
  },
};

async function expression({ probe, code }: Bench, name: SnippetName): Promise<Content> {
  const { content } = await probe.execute(code('statement'), { user_expressions: { x: code(name) } });
  mustEqual(content.status, 'ok', 'status of the cell');
  const found = (content.user_expressions as Content | undefined)?.x;
  must(typeof found === 'object' && found !== null, 'the expression is not in the reply');
  return found as Content;
}

const expressionOk: Check = {
  name: 'user_expressions: a value',
  section: 'Execute (user_expressions)',
  async run(bench) {
    const found = await expression(bench, 'expression');
    mustEqual(found.status, 'ok', 'status of the expression');
    must(plain(found).includes('42'), `its data is ${JSON.stringify(found.data)}`);
  },
};

const expressionError: Check = {
  name: 'user_expressions: an error of an expression is not one of the cell',
  section: 'Execute (user_expressions)',
  async run(bench) {
    const found = await expression(bench, 'badExpression');
    mustEqual(found.status, 'error', 'status of the expression');
    must(typeof found.ename === 'string', 'no ename');
  },
};

/** A failing cell with two cells queued behind it: the statuses of these two. */
async function queued({ probe, code }: Bench, stopOnError: boolean): Promise<unknown[]> {
  const first = await probe.start(code('lateFailure'), { stop_on_error: stopOnError });
  const behind = [await probe.start(code('value')), await probe.start(code('value'))];
  const failed = await probe.answer(first, 'execute_reply');
  mustEqual(failed.content.status, 'error', 'status of the failing cell');
  const statuses = [];
  for (const id of behind) statuses.push((await probe.answer(id, 'execute_reply')).content.status);
  return statuses;
}

const stopOnError: Check = {
  name: 'stop_on_error: cells queued behind a failing one are aborted, later ones run',
  section: 'Execute (stop_on_error)',
  timeoutMs: 30_000,
  async run(bench) {
    mustEqual(await queued(bench, true), ['aborted', 'aborted'], 'the status of the queued cells');
    await sleep(300);
    mustEqual((await bench.probe.execute(bench.code('value'))).content.status, 'ok', 'the next cell');
  },
};

const goOnError: Check = {
  name: 'stop_on_error = false: cells queued behind a failing one run',
  section: 'Execute (stop_on_error)',
  timeoutMs: 30_000,
  async run(bench) {
    mustEqual(await queued(bench, false), ['ok', 'ok'], 'the status of the queued cells');
  },
};

export const outputs: CheckGroup = {
  title: 'outputs and errors',
  checks: [
    result,
    noResult,
    display,
    update,
    clear,
    stream('stdout', 'out\n'),
    stream('stderr', 'err\n'),
    lines,
    linesBeforeIdle,
    late,
    errorPublished,
    errorReply,
    expressionOk,
    expressionError,
    stopOnError,
    goOnError,
  ],
};
