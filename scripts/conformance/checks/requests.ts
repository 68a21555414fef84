/** kernel_info, the status around requests, counters, and the replies that need no running code. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Check, type CheckGroup, must, mustEqual } from '../check.js';
import type { Content } from '../probe.js';

const kernelInfo: Check = {
  name: 'kernel_info has all required fields',
  section: 'Kernel info',
  async run({ probe }) {
    const { content } = await probe.request('shell', 'kernel_info', {});
    mustEqual(content.status, 'ok', 'status');
    must(/^\d+\.\d+/.test(String(content.protocol_version)), 'no protocol_version');
    for (const field of ['implementation', 'implementation_version', 'banner'])
      must(typeof content[field] === 'string', `no ${field}`);
    const language = (content.language_info ?? {}) as Content;
    for (const field of ['name', 'version', 'mimetype', 'file_extension'])
      must(typeof language[field] === 'string' && language[field] !== '', `no language_info.${field}`);
    must(String(language.file_extension).startsWith('.'), 'language_info.file_extension has no dot');
  },
};

const kernelInfoTruth: Check = {
  name: 'kernel_info tells the truth: the headers have its protocol version, the kernelspec its language',
  section: 'Kernel info; Message header',
  async run({ probe, client }) {
    const { reply, content } = await probe.request('shell', 'kernel_info', {});
    mustEqual(reply.header.version, content.protocol_version, "the header's version");
    const { name } = content.language_info as { name: string };
    mustEqual(name.toLowerCase(), client.spec.language.toLowerCase(), 'language_info.name');
  },
};

const status: Check = {
  name: 'busy and idle surround every request',
  section: 'Kernel status',
  async run({ probe, code }) {
    const requests: [string, Content][] = [
      ['kernel_info', {}],
      ['execute', { code: code('value'), silent: false, allow_stdin: false }],
      ['complete', { code: code('completable'), cursor_pos: 3 }],
      ['inspect', { code: code('inspectable'), cursor_pos: 3, detail_level: 0 }],
      ['is_complete', { code: code('complete') }],
      ['history', { output: false, raw: true, hist_access_type: 'tail', n: 1 }],
      ['comm_info', {}],
    ];
    const wrong: string[] = [];
    for (const [name, content] of requests) {
      const id = await probe.send('shell', `${name}_request`, content);
      await probe.answer(id, `${name}_reply`, 4_000).catch(() => {});
      const states = probe.states(id).join(', ');
      if (!probe.reply(id)) wrong.push(`${name} (no reply)`);
      else if (states !== 'busy, idle') wrong.push(`${name} (${states || 'none'})`);
    }
    must(wrong.length === 0, `not so for ${wrong.join('; ')}`);
  },
  timeoutMs: 40_000,
};

const order: Check = {
  name: 'of a cell: busy first, then execute_input, output, result; idle last',
  section: 'Messages on the IOPub channel',
  async run({ probe, code }) {
    // Several times: a kernel may get it right by luck.
    for (let i = 0; i < 8; i++) {
      const { id } = await probe.execute(code('value'));
      await sleep(100);
      const types = probe.messages(id).map(({ type }) => type);
      mustEqual(types, ['status', 'execute_input', 'execute_result', 'status'], 'the order');
    }
  },
};

const input: Check = {
  name: 'execute_input repeats the code and the count of the reply',
  section: 'Code inputs',
  async run({ probe, code }) {
    const { id, content } = await probe.execute(code('value'));
    const inputs = probe.published(id, 'execute_input');
    mustEqual(inputs.length, 1, 'the number of execute_input messages');
    mustEqual(inputs[0]!.code, code('value'), 'the code');
    mustEqual(inputs[0]!.execution_count, content.execution_count, 'the count');
  },
};

const silent: Check = {
  name: 'silent: no execute_input, no execute_result',
  section: 'Execute',
  async run({ probe, code }) {
    const { id, content } = await probe.execute(code('value'), { silent: true, store_history: false });
    mustEqual(content.status, 'ok', 'status');
    mustEqual(probe.published(id, 'execute_input').length, 0, 'the number of execute_input messages');
    mustEqual(probe.published(id, 'execute_result').length, 0, 'the number of execute_result messages');
  },
};

const count: Check = {
  name: 'execution_count rises by one per cell',
  section: 'Execution counter (prompt number)',
  async run({ probe, code }) {
    const first = await probe.execute(code('value'));
    const second = await probe.execute(code('value'));
    mustEqual(second.content.execution_count, Number(first.content.execution_count) + 1, 'the next count');
  },
};

/** The count is the same before and after a cell that must not count, apart from the cells that look. */
const uncounted = (name: string, extra: Content): Check => ({
  name,
  section: 'Execution counter (prompt number)',
  async run({ probe, code }) {
    const before = await probe.execute(code('value'));
    await probe.execute(code('value'), extra);
    const after = await probe.execute(code('value'));
    mustEqual(after.content.execution_count, Number(before.content.execution_count) + 1, 'the next count');
  },
});

const isComplete = (status: string, snippet: 'complete' | 'incomplete' | 'invalid'): Check => ({
  name: `is_complete: ${status}`,
  section: 'Code completeness',
  async run({ probe, code }) {
    const { content } = await probe.request('shell', 'is_complete', { code: code(snippet) });
    mustEqual(content.status, status, 'status');
  },
});

const commInfo: Check = {
  name: 'comm_info answers with the comms there are',
  section: 'Comm info',
  async run({ probe }) {
    const { content } = await probe.request('shell', 'comm_info', {});
    mustEqual(content.status, 'ok', 'status');
    const { comms } = content;
    must(typeof comms === 'object' && comms !== null && !Array.isArray(comms), 'comms is not an object');
    const { content: one } = await probe.request('shell', 'comm_info', { target_name: 'no-such-target' });
    mustEqual(one.comms, {}, 'comms of a target that nobody has');
  },
};

const commOpen: Check = {
  name: 'comm_open of an unknown target is answered by comm_close',
  section: 'Opening a Comm',
  async run({ probe }) {
    const comm = { comm_id: 'conformance', target_name: 'no-such-target', data: {} };
    const id = await probe.send('shell', 'comm_open', comm);
    const [close] = await probe.until(
      'comm_close',
      () => {
        const found = probe.published(id, 'comm_close');
        return found.length > 0 && found;
      },
      3_000,
    );
    mustEqual(close!.comm_id, 'conformance', 'its comm_id');
  },
};

export const requests: CheckGroup = {
  title: 'requests',
  checks: [
    kernelInfo,
    kernelInfoTruth,
    status,
    order,
    input,
    silent,
    count,
    uncounted('silent does not count', { silent: true, store_history: false }),
    uncounted('store_history = false does not count', { store_history: false }),
    isComplete('complete', 'complete'),
    isComplete('incomplete', 'incomplete'),
    isComplete('invalid', 'invalid'),
    commInfo,
    commOpen,
  ],
};
