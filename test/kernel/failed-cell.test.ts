/** What a failing cell aborts: all that its client sent before it could know, however late that arrives. */
import { afterAll, describe, expect, test } from 'vitest';
import type { Header } from '../../kernel/protocol/messages.js';
import { FailedCell } from '../../kernel/worker/failed-cell.js';
import { saidIdle, shareKernel, Wiretap } from './helpers.js';

const epoch = Date.parse('2026-01-02T03:04:05.000Z');
const header = (ms: number, session = 'mine') =>
  ({ session, date: new Date(epoch + ms).toISOString() }) as Header;

describe('which requests were made before the reply', () => {
  /** Came at 1000 of the kernel's clock, and took 50 ms; the client's clock is another. */
  const failed = new FailedCell(header(0), 1_000, 1_050);

  test.each([
    ['in the same breath', header(0), true],
    ['while the cell ran', header(40), true],
    ['at once after the reply', header(50), false],
    ['by another client', header(0, 'another'), false],
    ['at a time that is not told', { session: 'mine' } as Header, false],
    ['at a time that is none', { session: 'mine', date: 'yesterday' } as Header, false],
    ['at a time in whole seconds', { session: 'mine', date: '2026-01-02T03:04:05Z' } as Header, false],
  ])('%s', (_, request, expected) => {
    expect(failed.precedesReply(request, 1_060)).toBe(expected);
  });

  test('a clock that is set back aborts nothing for long, also after a long cell', () => {
    expect(failed.precedesReply(header(-5_000), 12_000)).toBe(false);
    const hour = 3_600_000;
    const long = new FailedCell(header(0), 0, hour);
    expect(long.precedesReply(header(5_000), hour + 1)).toBe(true);
    expect(long.precedesReply(header(hour - 60_000), hour + 1)).toBe(false);
  });

  test('Python writes microseconds, or an offset', () => {
    const python = new FailedCell({ ...header(0), date: '2026-01-02T03:04:05.000999+00:00' }, 0, 50);
    expect(python.precedesReply({ ...header(0), date: '2026-01-02T03:04:05.001203Z' }, 60)).toBe(true);
    expect(python.precedesReply({ ...header(0), date: '2026-01-02T03:04:06.001203Z' }, 60)).toBe(false);
  });
});

describe('in the kernel', () => {
  let tap: Wiretap;
  shareKernel(async (started) => {
    tap?.close();
    tap = new Wiretap(started);
    await tap.welcomed();
  });
  afterAll(() => tap?.close());

  const make = (code: string, date?: string) => {
    const message = tap.session.make('execute_request', {
      code,
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: false,
      stop_on_error: true,
    });
    if (date !== undefined) message.header.date = date;
    return message;
  };
  const send = (message: ReturnType<typeof make>) =>
    tap.sendFrames('shell', tap.session.encode(message as never));
  const status = async ({ header: { msg_id: id } }: ReturnType<typeof make>) => {
    await expect
      .poll(() => tap.find('execute_reply', id).length > 0 && saidIdle(tap.find('status', id), id))
      .toBe(true);
    return (tap.find('execute_reply', id)[0]!.content as { status: string }).status;
  };

  test('what was made with a cell that fails at once is aborted, also what comes long after the reply', async () => {
    const failing = make(')');
    const [next, late] = ['next', 'late'].map((text) => make(`console.log("${text}")`, failing.header.date));
    await send(failing);
    await send(next!);
    expect(await status(failing)).toBe('error');
    await send(late!);
    for (const message of [next!, late!]) {
      expect(await status(message)).toBe('aborted');
      expect(tap.find('stream', message.header.msg_id)).toEqual([]);
    }
  });

  test('what is made in the moment after the error, before its reply, is aborted', async () => {
    const seen = new Set<string>();
    for (let tries = 0; tries < 50 && !seen.has('aborted'); tries++) {
      const failing = make('throw new Error("x")');
      await send(failing);
      const { msg_id: id } = failing.header;
      await expect.poll(() => tap.find('error', id).length, { interval: 0 }).toBe(1);
      const next = make('1');
      await send(next);
      seen.add(await status(next));
    }
    expect([...seen]).toContain('aborted');
  });

  test('an answer to the error runs, however fast it comes', async () => {
    for (let i = 0; i < 20; i++) {
      const failing = make(i % 2 ? ')' : 'throw new Error("x")');
      await send(failing);
      await expect
        .poll(() => tap.find('execute_reply', failing.header.msg_id).length, {
          interval: 0,
        })
        .toBe(1);
      const answer = make('1');
      await send(answer);
      expect(await status(answer)).toBe('ok');
    }
  });
});
