/** `name?` as a cell, and what the kernel says it cannot do. */
import { describe, expect, test } from 'vitest';
import type { KernelClient } from '../../kernel/protocol/client.js';
import { pagerQuery } from '../../kernel/worker/pager.js';
import { runCell, shareKernel, Wiretap } from './helpers.js';

describe('which cells ask the pager', () => {
  test.each([
    ['name?', 'name', 0],
    [' name?? \n', 'name', 1],
    ['?name', 'name', 0],
    ['?? obj.prop', 'obj.prop', 1],
    ['obj.deep.prop ?', 'obj.deep.prop', 0],
    ['$größe_1?', '$größe_1', 0],
    ['数?', '数', 0],
  ] as const)('%j', (code, name, detail) => {
    expect(pagerQuery(code)).toEqual({ name, detail });
  });

  test.each([
    'a ? b : c',
    'a?.b',
    '?',
    '??',
    'a ?? b',
    'f()?',
    'a? // why',
    'a\nb?',
    '"a"?',
    '1?',
    '?a?',
    'a???',
    '',
  ])('%j does not', (code) => {
    expect(pagerQuery(code)).toBeUndefined();
  });
});

describe('in the kernel', () => {
  let kernel: KernelClient;
  shareKernel((started) => {
    kernel = started;
  });

  const page = async (code: string) => {
    const { reply, outputs } = await runCell(kernel, code);
    if (reply.status !== 'ok') throw new Error(JSON.stringify(reply));
    return {
      payload: reply.payload as { source: string; start: number; data: Record<string, string> }[],
      outputs,
    };
  };

  test('one mark shows the type and the documentation, two add the source', async () => {
    await runCell(kernel, '/** Doubles it. */\nfunction twice(x: number): number {\n  return x + x;\n}');
    const { payload, outputs } = await page('twice?');
    expect(outputs).toEqual([]);
    expect(payload).toHaveLength(1);
    expect(payload[0]).toMatchObject({ source: 'page', start: 0 });
    expect(payload[0]!.data['text/plain']).toMatch(/function twice\(x: number\): number[\s\S]*Doubles it\./);
    expect(payload[0]!.data['text/html']).toContain('twice');
    expect(payload[0]!.data['text/plain']).not.toContain('return x + x');
    const [more] = (await page('twice??')).payload;
    expect(more!.data['text/plain']).toContain('return x + x');
    expect((await page('Math.max?')).payload[0]!.data['text/plain']).toContain(
      'max(...values: number[]): number',
    );
  });

  test('an unknown name is said to be one', async () => {
    const { payload, outputs } = await page('nobody?');
    expect(payload).toEqual([]);
    expect(outputs.map(({ content }) => content)).toEqual([
      { name: 'stdout', text: 'Nothing is known of nobody.\n' },
    ]);
  });

  test('is_complete says that it is; code with a question mark stays code', async () => {
    expect(await kernel.isComplete('twice?')).toEqual({ status: 'complete' });
    expect((await kernel.isComplete('true ?')).status).toBe('complete');
    expect((await kernel.isComplete('1 > 0 ?')).status).toBe('incomplete');
    expect((await runCell(kernel, 'true ? "b" : "c"')).result).toBe("'b'");
  });

  test('a debugger is refused in the form of its protocol, an unknown request by an error reply', async () => {
    expect(kernel.info).toMatchObject({ debugger: false, protocol_version: '5.5' });
    const tap = new Wiretap(kernel);
    await tap.welcomed();
    const refused = await tap.request('control', 'debug', { seq: 7, type: 'request', command: 'initialize' });
    expect(refused.content).toEqual({
      status: 'error',
      ename: 'Unsupported',
      evalue: 'this kernel has no debugger',
      traceback: ['Unsupported: this kernel has no debugger'],
      type: 'response',
      seq: 0,
      request_seq: 7,
      command: 'initialize',
      success: false,
      message: 'this kernel has no debugger',
    });
    for (const channel of ['shell', 'control'] as const) {
      const unknown = await tap.request(channel, 'no_such', {});
      expect(unknown.content).toMatchObject({ status: 'error', evalue: 'this kernel does not know it' });
    }
    tap.close();
  });
});
