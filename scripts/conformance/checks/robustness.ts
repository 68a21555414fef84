/** Messages that must be dropped, and the end of a kernel. */
import { setTimeout as sleep } from 'node:timers/promises';
import { descendants, processesAreKnown, processRuns } from '../../processes.js';
import { type Bench, type Check, type CheckGroup, must, mustEqual, NotApplicable } from '../check.js';

/** What is dropped shows nothing within this time. */
const quietMs = 700;

async function stillWorks({ probe, code }: Bench): Promise<void> {
  const { id, content } = await probe.execute(code('value'));
  mustEqual(content.status, 'ok', 'status of the next cell');
  await probe.shows(id, '42');
}

const badSignature: Check = {
  name: 'a message with a wrong signature is not answered and not run; the kernel works on',
  section: 'The wire protocol (HMAC)',
  fresh: true,
  timeoutMs: 60_000,
  async run(bench) {
    const { probe, code } = bench;
    const content = { code: code('stdout'), silent: false, store_history: true, user_expressions: {} };
    for (const signature of ['0'.repeat(64), '', 'x']) {
      const message = probe.session.make('execute_request', {
        ...content,
        allow_stdin: false,
        stop_on_error: true,
      });
      const frames = probe.session.encode(message);
      frames[1] = Buffer.from(signature);
      await probe.sendFrames('shell', frames);
      await sleep(quietMs);
      const { msg_id: id } = message.header;
      must(!probe.reply(id) && probe.messages(id).length === 0, `signature "${signature}" was accepted`);
    }
    await stillWorks(bench);
  },
};

const replayed: Check = {
  name: 'a message sent a second time, signature and all, is not run again',
  section: 'The wire protocol (HMAC)',
  fresh: true,
  timeoutMs: 60_000,
  async run(bench) {
    const { probe, code } = bench;
    const message = probe.session.make('execute_request', {
      code: code('stdout'),
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: false,
      stop_on_error: true,
    });
    const { msg_id: id } = message.header;
    for (const frames of [1, 2].map(() => probe.session.encode(message)))
      await probe.sendFrames('shell', frames);
    await probe.answer(id, 'execute_reply');
    await sleep(quietMs);
    mustEqual(probe.messages(id, 'shell').length, 1, 'the number of replies');
    await stillWorks(bench);
  },
};

const malformed: Check = {
  name: 'malformed frames are dropped on shell, control and stdin; the kernel works on',
  section: 'The wire protocol',
  fresh: true,
  timeoutMs: 60_000,
  async run(bench) {
    const { probe } = bench;
    const good = () => probe.session.encode(probe.session.make('kernel_info_request', {}));
    const delimiter = Buffer.from('<IDS|MSG>');
    const bad: Buffer[][] = [
      [Buffer.alloc(0)],
      [Buffer.from('no delimiter')],
      [delimiter],
      good().slice(0, 3),
      [delimiter, ...good().slice(1, 2), ...Array.from({ length: 4 }, () => Buffer.from('{not json'))],
      [delimiter, Buffer.alloc(0), Buffer.from([0xff, 0xfe]), ...good().slice(3)],
    ];
    for (const channel of ['shell', 'control', 'stdin'] as const)
      for (const frames of bad) await probe.sendFrames(channel, frames);
    await sleep(quietMs);
    await stillWorks(bench);
    const id = await probe.send('control', 'kernel_info_request', {});
    await probe.until('kernel_info_reply on control', () => probe.reply(id), 5_000);
  },
};

const unsupported: Check = {
  name: 'a request of an unknown type does not stop the kernel',
  section: 'Introduction (message types)',
  fresh: true,
  timeoutMs: 60_000,
  async run(bench) {
    await bench.probe.send('shell', 'no_such_request', {});
    await stillWorks(bench);
  },
};

const shutdown = (name: string, busy: boolean, restart: boolean): Check => ({
  name,
  section: 'Kernel shutdown',
  fresh: true,
  timeoutMs: 60_000,
  async run(bench) {
    const { probe, client, code } = bench;
    if (!processesAreKnown()) throw new NotApplicable('child processes are found by /proc');
    await stillWorks(bench);
    if (busy) {
      const id = await probe.start(code('busy'));
      await probe.until('busy', () => probe.states(id).includes('busy'));
    }
    const children = descendants(client.pid!);
    const id = await probe.send('control', 'shutdown_request', { restart });
    // The reply may reach us after the kernel has gone.
    const patience = Date.now() + 10_000;
    while (client.process.running && Date.now() < patience) await sleep(20);
    await sleep(100);
    const reply = probe.reply(id);
    must(reply?.type === 'shutdown_reply', 'no shutdown_reply');
    mustEqual((reply.content as { restart: unknown }).restart, restart, 'restart in the reply');
    must(!client.process.running, 'the kernel still runs 10 s after the request');
    for (const end = Date.now() + 2_000; children.some(processRuns) && Date.now() < end; ) await sleep(20);
    const left = children.filter(processRuns);
    mustEqual(left.length, 0, `the number of child processes left (of ${children.length})`);
  },
});

const restart: Check = {
  name: 'after a restart on the same connection the names are gone and the count starts again',
  section: 'Kernel shutdown (restart)',
  fresh: true,
  timeoutMs: 90_000,
  async run({ probe, client, code, relaunch }) {
    await probe.execute(code('define'));
    const used = await probe.execute(code('useDefined'));
    await probe.shows(used.id, '42');
    await probe.send('control', 'shutdown_request', { restart: true });
    for (const end = Date.now() + 10_000; client.process.running && Date.now() < end; ) await sleep(20);
    must(!client.process.running, 'the kernel still runs 10 s after the request');
    const next = await relaunch();
    // The first cell of a kernel is that which the suite warms it up with.
    const { content } = await next.execute(code('useDefined'));
    mustEqual(content.status, 'error', 'status of a cell that uses a name of the kernel before');
    mustEqual(content.execution_count, 2, 'the count of the second cell');
    await sleep(300); // kernels abort what arrives together with an error
    const { id } = await next.execute(code('value'));
    await next.shows(id, '42');
  },
};

export const robustness: CheckGroup = {
  title: 'robustness and shutdown',
  checks: [
    badSignature,
    replayed,
    malformed,
    unsupported,
    shutdown('shutdown is answered, the process and its children are gone', false, false),
    shutdown('shutdown for a restart says so', false, true),
    shutdown('shutdown while a cell runs', true, false),
    restart,
  ],
};
