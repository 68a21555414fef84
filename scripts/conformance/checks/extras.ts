/** What goes beside the outputs: binary data over comms, and the pager. */
import { randomUUID } from 'node:crypto';
import { type Check, type CheckGroup, must, mustEqual } from '../check.js';
import type { Content } from '../probe.js';

const buffers: Check = {
  name: 'comm messages carry binary buffers both ways, byte for byte',
  section: 'Comm messages; The wire protocol (buffers)',
  async run({ probe, code }) {
    const { content } = await probe.execute(code('commInverts'));
    mustEqual(content.status, 'ok', 'status of the cell that registers the target');
    const sent = [
      Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
      Buffer.alloc(0),
      Buffer.alloc(70_000, 0xa5),
    ];
    const comm = randomUUID();
    const opening = { comm_id: comm, target_name: 'conformance', data: {} };
    await probe.send('shell', 'comm_open', opening);
    const data = { text: 'é😀', n: 1 };
    const id = await probe.send('shell', 'comm_msg', { comm_id: comm, data }, { buffers: sent });
    const answer = await probe.until(
      'comm_msg in return',
      () => probe.messages(id).find(({ type }) => type === 'comm_msg'),
      5_000,
    );
    mustEqual((answer.content as Content).data, { echo: data }, 'the data in return');
    mustEqual(
      answer.buffers.map((bytes) => bytes.length),
      sent.map((bytes) => bytes.length),
      'the sizes of the buffers in return',
    );
    const wrong = sent.findIndex((bytes, index) =>
      bytes.some((byte, at) => answer.buffers[index]![at] !== 255 - byte),
    );
    must(wrong < 0, `buffer ${wrong} in return has other bytes`);
    await probe.send('shell', 'comm_close', { comm_id: comm, data: {} });
  },
};

const pager: Check = {
  name: 'help on a name comes as a page in the payload of the reply',
  section: 'Payloads (page)',
  async run({ probe, code }) {
    const { content } = await probe.execute(code('pager'));
    mustEqual(content.status, 'ok', 'status');
    const pages = (content.payload as Content[] | undefined)?.filter(({ source }) => source === 'page') ?? [];
    mustEqual(pages.length, 1, 'the number of pages');
    const text = (pages[0]!.data as Content | undefined)?.['text/plain'];
    must(
      typeof text === 'string' && text.includes(code('documented')),
      `the page is ${JSON.stringify(text)}`,
    );
    mustEqual(pages[0]!.start, 0, 'start');
  },
};

export const extras: CheckGroup = { title: 'buffers and pager', checks: [buffers, pager] };
