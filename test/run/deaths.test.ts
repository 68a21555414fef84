/**
 * A kernel that dies at every moment between two messages of the protocol: no run waits for what cannot come any more,
 * and each says that the kernel died. The kernel is `dying-kernel.mjs`.
 */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findKernelSpec } from '../../kernel/kernelspec.js';
import { KernelDiedError, launchKernel } from '../../kernel/protocol/client.js';
import type { RawMessage } from '../../kernel/protocol/messages.js';
import { MessageRouter } from '../../scripts/run/message-router.js';
import type { NotebookKernel } from '../../scripts/run/notebook-kernel.js';
import { Secrets } from '../../scripts/run/parameters/secrets.js';
import { textOf, Workplace } from './helpers.js';

const program = fileURLToPath(new URL('dying-kernel.mjs', import.meta.url));

let place: Workplace;
let env: NodeJS.ProcessEnv;
beforeAll(async () => {
  place = await Workplace.create();
  env = { JUPYTER_PATH: place.path('data') };
  for (const [name, ...moment] of [['dying'], ['stillborn', 'arrival'], ['half-born', 'busy']])
    await place.write(
      `data/kernels/${name}/kernel.json`,
      JSON.stringify({
        argv: [process.execPath, program, '{connection_file}', ...moment],
        display_name: name,
        language: 'x',
      }),
    );
});
afterAll(async () => {
  expect(place.leftBehind()).toEqual([]);
  await place.remove();
});

it('within a cell, at each moment from the arrival of its request to its last message', async () => {
  const moments = ['arrival', 'busy', 'input', 'output', 'reply', 'idle'];
  const name = (moment: string) => `${moment}.ipynb`;
  for (const moment of moments) await place.notebook(name(moment), 'dying', ['1', `die ${moment}`, '2']);
  const run = await place.kernelbook(['run', ...moments.map(name), '--jobs', '3'], undefined, { env });
  for (const moment of moments)
    expect(run.stderr).toMatch(
      new RegExp(
        `FAILED ${name(moment)}, cell 2 .*: KernelDiedError: the kernel dying died \\(signal SIGKILL`,
      ),
    );
  expect(run.status).toBe(5);
  for (const moment of ['output', 'reply'])
    expect(textOf((await place.executed(name(moment)))[1]!.outputs)).toBe('shown\nerror');
});

it('before its first answer', async () => {
  for (const kernel of ['stillborn', 'half-born']) await place.notebook(`${kernel}.ipynb`, kernel, ['1']);
  const run = await place.kernelbook(['run', 'stillborn.ipynb', 'half-born.ipynb'], undefined, { env });
  expect(run.stderr).toMatch(/FAILED stillborn\.ipynb, before its first cell: KernelStartError: .*SIGKILL/);
  expect(run.stderr).toMatch(/FAILED half-born\.ipynb, before its first cell: KernelStartError: .*SIGKILL/);
  expect(run.status).toBe(5);
});

it('while a request is on its way to it, and after that', async () => {
  const kernel = await launchKernel(findKernelSpec('dying', { env: { ...process.env, ...env } }), {
    cwd: place.folder,
  });
  expect(await kernel.execute('1')).toMatchObject({ status: 'ok' });
  process.kill(kernel.pid!, 'SIGKILL');
  const requests = [kernel.execute('2'), kernel.drained(), kernel.isComplete('3')];
  for (const one of await Promise.allSettled(requests))
    expect(one).toMatchObject({ status: 'rejected', reason: expect.any(KernelDiedError) });
  await expect(kernel.execute('4')).rejects.toThrow(KernelDiedError);
  await kernel.shutdown();
});

it('before it is told what its output widgets have taken: the next cell says so', async () => {
  let publish: (message: RawMessage) => void = () => {};
  const dead = new KernelDiedError('dying', { code: null, signal: 'SIGKILL', log: '' });
  const kernel = {
    onMessage: (listener: typeof publish) => {
      publish = listener;
      return () => {};
    },
    sendComm: () => Promise.reject(dead),
  } as unknown as NotebookKernel;
  const router = new MessageRouter(kernel, 1e6, new Secrets([], '', ''), () => {});
  const parent = { msg_id: 'request', msg_type: 'execute_request' };
  const message = (type: string, content: object) =>
    publish({ type, header: {}, parent, metadata: {}, content, buffers: [] } as unknown as RawMessage);
  router.current = { outputs: [] } as never;
  const widget = { _model_name: 'OutputModel', outputs: [], msg_id: 'request' };
  message('comm_open', { comm_id: 'w', target_name: 'jupyter.widget', data: { state: widget } });
  message('stream', { name: 'stdout', text: 'captured' });
  await expect(router.syncWidgets()).resolves.toBeUndefined();
});
