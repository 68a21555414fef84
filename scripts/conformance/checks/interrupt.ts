/** An interrupt ends the running cell wherever it is, and the next cell works. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Check, type CheckGroup, must, mustEqual } from '../check.js';
import type { SnippetName } from '../snippets/snippets.js';

/** A cell that has not ended so long after the interrupt is not going to. */
const patienceMs = 3_000;

const interrupted = (where: string, snippet: SnippetName): Check => ({
  name: `interrupt ${where}`,
  section: 'Kernel interrupt',
  timeoutMs: 30_000,
  async run({ client, probe, code }) {
    const id = await probe.start(code(snippet));
    await probe.until('busy', () => probe.states(id).includes('busy'));
    await sleep(500);
    must(!probe.reply(id), `the cell ended by itself: ${JSON.stringify(probe.reply(id)?.content)}`);
    client.interrupt().catch(() => {}); // a reply that never comes shows in the cell
    const reply = await probe.until('end of the cell after the interrupt', () => probe.reply(id), patienceMs);
    mustEqual((reply.content as { status: unknown }).status, 'error', 'status of the interrupted cell');
    await probe.until('idle after the interrupt', () => probe.idle(id), patienceMs);
    await sleep(300); // kernels abort what arrives together with an error
    const next = await probe.execute(code('value'));
    mustEqual(next.content.status, 'ok', 'status of the next cell');
    await probe.shows(next.id, '42');
  },
});

const whileIdle: Check = {
  name: 'an interrupt while nothing runs does nothing to the next cell',
  section: 'Kernel interrupt',
  async run({ client, probe, code }) {
    await probe.execute(code('value'));
    client.interrupt().catch(() => {});
    await sleep(300);
    const next = await probe.execute(code('value'));
    mustEqual(next.content.status, 'ok', 'status of the next cell');
    await probe.shows(next.id, '42');
  },
};

const namesSurvive: Check = {
  name: 'what earlier cells defined is there after an interrupt',
  section: 'Kernel interrupt',
  timeoutMs: 30_000,
  async run({ client, probe, code }) {
    await probe.execute(code('define'));
    const id = await probe.start(code('interruptLoop'));
    await probe.until('busy', () => probe.states(id).includes('busy'));
    await sleep(500);
    client.interrupt().catch(() => {});
    await probe.until('end of the cell after the interrupt', () => probe.reply(id), patienceMs);
    await sleep(300);
    const next = await probe.execute(code('useDefined'));
    mustEqual(next.content.status, 'ok', 'status of the cell that uses the name');
    await probe.shows(next.id, '42');
  },
};

const question: Check = {
  name: "an interrupt ends a cell that waits for input, and a late answer is nobody's",
  section: 'Kernel interrupt; Messages on the stdin channel',
  timeoutMs: 30_000,
  async run({ client, probe, code }) {
    const id = await probe.start(code('input'), { allow_stdin: true });
    const asked = await probe.until('input_request', () => probe.messages(id, 'stdin')[0]);
    client.interrupt().catch(() => {});
    const reply = await probe.until('end of the cell after the interrupt', () => probe.reply(id), patienceMs);
    mustEqual((reply.content as { status: unknown }).status, 'error', 'status of the interrupted cell');
    await probe.send('stdin', 'input_reply', { status: 'ok', value: 'late' }, { parent: asked.header });
    await sleep(300);
    const next = await probe.execute(code('value'));
    mustEqual(next.content.status, 'ok', 'status of the next cell');
  },
};

export const interrupts: CheckGroup = {
  title: 'interrupt',
  checks: [
    interrupted('a loop', 'interruptLoop'),
    interrupted('a loop after an await', 'interruptAfterAwait'),
    interrupted('a loop in a timer', 'interruptTimer'),
    interrupted('a loop in a microtask', 'interruptMicrotask'),
    interrupted('an await that never ends', 'interruptPending'),
    interrupted('a blocking sleep', 'interruptSleep'),
    interrupted('code that catches every error', 'interruptCatchAll'),
    interrupted('endless printing', 'interruptPrinting'),
    interrupted('a generator', 'interruptGenerator'),
    interrupted('sorting', 'interruptSort'),
    question,
    whileIdle,
    namesSurvive,
  ],
};
