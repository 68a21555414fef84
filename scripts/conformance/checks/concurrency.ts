/** Questions on stdin, two clients, the heartbeat, and what must be answered while a cell runs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Request } from 'zeromq';
import { endpoint } from '../../../kernel/protocol/connection-file.js';
import { type Bench, type Check, type CheckGroup, must, mustEqual } from '../check.js';

async function ask({ probe, code }: Bench, snippet: 'input' | 'password'): Promise<void> {
  const id = await probe.start(code(snippet), { allow_stdin: true });
  const question = await probe.until('input_request', () => probe.messages(id, 'stdin')[0]);
  mustEqual(question.type, 'input_request', 'the message on stdin');
  const { prompt, password } = question.content as { prompt: string; password: boolean };
  must(String(prompt).includes('name?'), `the prompt is ${JSON.stringify(prompt)}`);
  mustEqual(password, snippet === 'password', 'password');
  await probe.send('stdin', 'input_reply', { status: 'ok', value: 'typed' }, { parent: question.header });
  mustEqual((await probe.answer(id, 'execute_reply')).content.status, 'ok', 'status of the cell');
  await probe.shows(id, 'typed');
}

const noStdin: Check = {
  name: 'allow_stdin = false: no question is sent and the cell ends',
  section: 'Execute (allow_stdin)',
  async run({ probe, code }) {
    const { id } = await probe.execute(code('input'), { allow_stdin: false });
    mustEqual(probe.messages(id, 'stdin').length, 0, 'the number of messages on stdin');
  },
};

const twoClients: Check = {
  name: 'two clients: each gets its own replies, both see all of iopub',
  section: 'Introduction (multiple frontends)',
  async run({ probe, code, connect }) {
    const other = await connect();
    const [mine, theirs] = await Promise.all([probe.start(code('value')), other.start(code('value'))]);
    await Promise.all([probe.answer(mine, 'execute_reply'), other.answer(theirs, 'execute_reply')]);
    must(!probe.reply(theirs) && !other.reply(mine), 'a reply went to the wrong client');
    for (const [who, id] of [
      [probe, theirs],
      [other, mine],
    ] as const) {
      await who.until("the other client's idle on iopub", () => who.idle(id), 2_000);
      await who.shows(id, '42');
    }
  },
};

const askedOnce: Check = {
  name: 'two clients: a question goes to the one whose cell asks',
  section: 'Messages on the stdin channel',
  async run(bench) {
    const other = await bench.connect();
    await ask(bench, 'input');
    mustEqual(other.received('stdin'), 0, 'the number of questions that the other client got');
  },
};

/** Starts the long cell, waits until it runs, and checks in the end that it still ran when `during` was over. */
async function whileBusy({ probe, code }: Bench, during: () => Promise<void>): Promise<void> {
  const id = await probe.start(code('busy'));
  await probe.until('busy', () => probe.states(id).includes('busy'));
  await sleep(100);
  await during();
  must(!probe.reply(id), 'the answer came only when the cell was over');
  await probe.answer(id, 'execute_reply');
}

const heartbeat: Check = {
  name: 'the heartbeat is echoed while a cell runs',
  section: 'Heartbeat for kernels',
  run: (bench) =>
    whileBusy(bench, async () => {
      const heart = new Request({ linger: 0, receiveTimeout: 1_500 });
      try {
        heart.connect(endpoint(bench.client.process.connection, 'hb_port'));
        for (const beat of ['beat 1', 'beat 2']) {
          await heart.send(beat);
          const [echo] = await heart.receive().catch(() => []);
          mustEqual(String(echo), beat, 'the echo');
        }
      } finally {
        heart.close();
      }
    }),
};

const controlWhileBusy: Check = {
  name: 'control is answered while a cell runs',
  section: 'Introduction (control channel)',
  run: (bench) =>
    whileBusy(bench, async () => {
      const id = await bench.probe.send('control', 'kernel_info_request', {});
      await bench.probe.until('kernel_info_reply', () => bench.probe.reply(id), 5_000);
      mustEqual(bench.probe.messages(id, 'control').length, 1, 'the number of replies on control');
    }),
};

export const concurrency: CheckGroup = {
  title: 'stdin, clients, control',
  checks: [
    {
      name: 'input: the question goes to stdin, the answer to the code',
      section: 'Messages on the stdin channel',
      run: (bench) => ask(bench, 'input'),
    },
    {
      name: 'a password is asked for as such',
      section: 'Messages on the stdin channel',
      run: (bench) => ask(bench, 'password'),
    },
    noStdin,
    twoClients,
    askedOnce,
    heartbeat,
    controlWhileBusy,
  ],
};
