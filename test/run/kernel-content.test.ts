/** Kernels that do not keep to the protocol: the file stays one that every program reads, and what was wrong is named. */
import { describe, expect, it } from 'vitest';
import { KernelDiedError } from '../../kernel/protocol/client.js';
import type { OutputMessage } from '../../kernel/protocol/messages.js';
import type { CodeCell } from '../../scripts/notebook/format.js';
import { validateNotebook } from '../../scripts/notebook/validate.js';
import { defaultLimits } from '../../scripts/run/limits/limits.js';
import type { NotebookKernel } from '../../scripts/run/notebook-kernel.js';
import { OutputCollector } from '../../scripts/run/outputs.js';
import { noSecrets, Secrets } from '../../scripts/run/parameters/secrets.js';
import { runCell } from '../../scripts/run/run-cell.js';

const newCell = (): CodeCell => ({
  cell_type: 'code',
  id: 'c',
  metadata: {},
  source: 'x',
  execution_count: null,
  outputs: [],
});

const expectValid = (cell: CodeCell) =>
  validateNotebook(
    JSON.parse(JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells: [cell] })),
  );

describe('output messages', () => {
  it.each([
    ['stream', {}, { name: 'stdout', text: '' }],
    ['stream', { name: 'stdout', text: 5 }, { text: '5' }],
    ['stream', { text: ['a\n', 'b'] }, { name: 'stdout', text: 'a\nb' }],
    ['display_data', { data: null }, { data: {}, metadata: {} }],
    [
      'display_data',
      { data: { 'text/plain': 5 }, metadata: null },
      { data: { 'text/plain': '5' }, metadata: {} },
    ],
    [
      'display_data',
      { data: { 'text/html': { a: 1 } }, metadata: [1] },
      { data: { 'text/html': '{"a":1}' } },
    ],
    ['display_data', { data: { 'text/plain': null, 'a/b': 'x' }, transient: null }, { data: { 'a/b': 'x' } }],
    ['display_data', { data: { 'application/json': null } }, { data: { 'application/json': null } }],
    ['execute_result', { data: {} }, { execution_count: null }],
    ['execute_result', { data: {}, execution_count: 'a' }, { execution_count: null }],
    ['execute_result', { data: {}, execution_count: 1.5 }, { execution_count: null }],
    ['stream', { name: 'stdout', text: '\udc00 \ud83d \ud83d' }, { text: '\udc00 \ufffd \ud83d' }],
    ['display_data', { data: { 'a/b': '\ud83d \ud83d\ude00' } }, { data: { 'a/b': '\ufffd \ud83d\ude00' } }],
    ['error', { ename: 'E' }, { ename: 'E', evalue: '', traceback: ['E: '] }],
    ['error', { ename: null, evalue: 5, traceback: 'one\ntwo' }, { ename: 'Error', traceback: ['one\ntwo'] }],
    ['error', { ename: 'E', evalue: 'v', traceback: ['a', 1] }, { traceback: ['a', '1'] }],
  ])('%s %j becomes a valid output', (type, content, expected) => {
    const cell = newCell();
    new OutputCollector(10_000).receive(cell, { type, content } as unknown as OutputMessage);
    if (Object.keys(content).length > 0) expect(cell.outputs).toMatchObject([expected]);
    expectValid(cell);
  });

  it('an update that names no display changes none', () => {
    const cell = newCell();
    for (const content of [{}, { transient: {} }, { transient: { display_id: 3 } }])
      new OutputCollector().receive(cell, {
        type: 'update_display_data',
        content,
      } as unknown as OutputMessage);
    expect(cell.outputs).toEqual([]);
  });
});

/** A cell run in a kernel that gives this reply, or ends so. */
async function run(reply: object, cell = newCell(), secrets = noSecrets) {
  const kernel = {
    running: true,
    execute: () => (reply instanceof Error ? Promise.reject(reply) : Promise.resolve(reply)),
  } as unknown as NotebookKernel;
  const failure = await runCell(
    {
      kernel,
      limits: defaultLimits,
      secrets,
      stop: new AbortController(),
      explainDeath: async (error) => error,
    },
    cell,
    1,
  );
  expectValid(cell);
  return { failure, cell };
}

describe('replies', () => {
  it.each([{}, { status: 'abort' }, { status: null }])(
    '%j is no reply, and the cell says so',
    async (reply) => {
      const { failure, cell } = await run(reply);
      expect(failure).toMatchObject({ verdict: 'error', ename: 'BadReply' });
      expect(failure?.evalue).toContain('it must be "ok", "error" or "aborted"');
      expect(cell.outputs).toMatchObject([{ output_type: 'error', ename: 'BadReply' }]);
    },
  );

  it('an error that was not published is shown from the reply, one that was is shown once', async () => {
    const reply = { status: 'error', ename: 'E', evalue: 'why', traceback: ['line'] };
    const shown = { output_type: 'error' as const, ename: 'E', evalue: 'why', traceback: ['line'] };
    expect((await run(reply)).cell.outputs).toEqual([shown]);
    expect((await run(reply, { ...newCell(), outputs: [shown] })).cell.outputs).toEqual([shown]);
    expect((await run({ status: 'aborted' })).cell.outputs).toMatchObject([{ ename: 'Aborted' }]);
  });

  it('an error without its fields is an error all the same', async () => {
    expect((await run({ status: 'error' })).failure).toMatchObject({
      verdict: 'error',
      ename: 'Error',
      evalue: '',
    });
  });

  it.each([undefined, 'seven', 1.5, -3])(
    'the number of the cell stays what it was: %j',
    async (execution_count) => {
      const { cell } = await run({ status: 'ok', execution_count }, { ...newCell(), execution_count: 4 });
      expect(cell.execution_count).toBe(4);
    },
  );

  it('keep no secret, nor does what a kernel wrote before it died', async () => {
    const secrets = new Secrets(['hunter22'], 'injected', '');
    const reply = { status: 'error', ename: 'E', evalue: 'hunter22', traceback: ['at hunter22'] };
    const died = new KernelDiedError('k', { code: 1, signal: null, log: 'cannot log in as hunter22\n' });
    for (const end of [reply, died]) {
      const { cell, failure } = await run(end, newCell(), secrets);
      expect(JSON.stringify([cell, failure])).not.toContain('hunter22');
      expect(JSON.stringify(cell)).toContain('[redacted]');
    }
  });
});
