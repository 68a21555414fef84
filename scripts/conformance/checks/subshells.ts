/** Subshells (JEP 91): queues of their own, for kernels that offer them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Bench, type Check, type CheckGroup, must, mustEqual, NotApplicable } from '../check.js';
import type { Probe } from '../probe.js';

const section = 'Create, delete, list subshell (5.5)';

/** A subshell for the time of `use`. */
async function withSubshell({ probe, snippets }: Bench, use: (id: string) => Promise<void>): Promise<void> {
  const id = await create(probe);
  try {
    // Its first cell may have to wait for a thread to start.
    await probe.answer(await probe.start(snippets.value, {}, id), 'execute_reply');
    await use(id);
  } finally {
    await probe.request('control', 'delete_subshell', { subshell_id: id });
  }
}

async function create(probe: Probe): Promise<string> {
  const { content: info } = await probe.request('control', 'kernel_info', {});
  const features = info.supported_features;
  if (!Array.isArray(features) || !features.includes('kernel subshells'))
    throw new NotApplicable('kernel_info does not offer subshells, an optional feature');
  const { content } = await probe.request('control', 'create_subshell', {});
  mustEqual(content.status, 'ok', 'status of create_subshell');
  must(typeof content.subshell_id === 'string', `subshell_id is ${JSON.stringify(content.subshell_id)}`);
  return content.subshell_id;
}

const lifetime: Check = {
  name: 'a subshell is listed from its creation to its deletion',
  section,
  async run({ probe }) {
    const list = async () => (await probe.request('control', 'list_subshell', {})).content.subshell_id;
    const ids = [await create(probe), await create(probe)];
    must(ids[0] !== ids[1], 'two subshells have one id');
    const listed = await list();
    must(
      Array.isArray(listed) && ids.every((id) => listed.includes(id)),
      `${JSON.stringify(listed)} is listed`,
    );
    for (const id of ids) {
      const { content } = await probe.request('control', 'delete_subshell', { subshell_id: id });
      mustEqual(content.status, 'ok', 'status of delete_subshell');
    }
    mustEqual(await list(), [], 'what is listed after the deletion');
    const { content } = await probe.request('control', 'delete_subshell', { subshell_id: ids[0] });
    mustEqual(content.status, 'error', 'status of a second deletion');
  },
};

const concurrent: Check = {
  name: 'a cell of a subshell runs, with its own outputs, while one of the main shell waits',
  section,
  run: (bench) =>
    withSubshell(bench, async (subshell) => {
      const { probe, code } = bench;
      const main = await probe.start(code('waits'));
      await probe.until('busy', () => probe.states(main).includes('busy'));
      await sleep(300); // it waits by now
      const inner = await probe.start(code('value'), {}, subshell);
      await probe.answer(inner, 'execute_reply');
      await probe.shows(inner, '42');
      must(!probe.reply(main), 'the subshell had to wait for the main shell');
      await probe.start(code('release'), {}, subshell);
      const { content } = await probe.answer(main, 'execute_reply');
      mustEqual(content.status, 'ok', 'status of the cell of the main shell');
      const wrong = probe.messages(main).filter(({ type }) => type === 'stream' || type === 'execute_result');
      mustEqual(wrong.length, 0, 'the number of outputs at the cell of the main shell');
    }),
};

const shared: Check = {
  name: 'a subshell shares the names of the main shell',
  section,
  run: (bench) =>
    withSubshell(bench, async (subshell) => {
      const { probe, code } = bench;
      await probe.execute(code('define'));
      const id = await probe.start(code('useDefined'), {}, subshell);
      mustEqual((await probe.answer(id, 'execute_reply')).content.status, 'ok', 'status in the subshell');
      await probe.shows(id, '42');
    }),
};

const aborts: Check = {
  name: 'an error in a subshell aborts what waits there and nothing else',
  section: 'Execute (stop_on_error); subshells (5.5)',
  run: (bench) =>
    withSubshell(bench, async (subshell) => {
      const { probe, code } = bench;
      const main = [await probe.start(code('waits')), await probe.start(code('value'))];
      const inner = [
        await probe.start(code('lateFailure'), {}, subshell),
        await probe.start(code('value'), {}, subshell),
      ];
      const statuses = async (ids: string[]) => {
        const found = [];
        for (const id of ids) found.push((await probe.answer(id, 'execute_reply')).content.status);
        return found;
      };
      mustEqual(await statuses(inner), ['error', 'aborted'], 'the status of the cells of the subshell');
      await sleep(300); // kernels abort what arrives together with an error
      await probe.start(code('release'), {}, subshell);
      mustEqual(await statuses(main), ['ok', 'ok'], 'the status of the cells of the main shell');
    }),
};

const unknown: Check = {
  name: 'a request to a subshell that is not there is answered by an error',
  section,
  async run({ probe }) {
    const id = await create(probe);
    await probe.request('control', 'delete_subshell', { subshell_id: id });
    const request = { code: 'a', cursor_pos: 1 };
    const sent = await probe.send('shell', 'complete_request', request, { subshell: id });
    const { content } = await probe.answer(sent, 'complete_reply');
    mustEqual(content.status, 'error', 'status');
    must(probe.idle(sent), 'no idle');
  },
};

export const subshells: CheckGroup = {
  title: 'subshells',
  checks: [lifetime, concurrent, shared, aborts, unknown],
};
