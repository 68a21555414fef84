/**
 * Interrupts at random moments of random code, by message and by signal; after each a cell must be
 * answered as if nothing had happened. `KERNELBOOK_FUZZ_SEED` chooses other code, `KERNELBOOK_FUZZ_ROUNDS` how much.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFailed, test } from 'vitest';
import type { KernelClient } from '../../kernel/protocol/client.js';
import { seeded, whole } from './fuzz-messages.js';
import { begin, runCell, shareKernel } from './helpers.js';
import { endless } from './interrupt-shapes.js';

const seed = Number(process.env.KERNELBOOK_FUZZ_SEED ?? 20_261_122);
const rounds = Number(process.env.KERNELBOOK_FUZZ_ROUNDS ?? 120);

let kernel: KernelClient;
shareKernel(async (started) => {
  kernel = started;
  await runCell(kernel, 'const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));');
});

const begun = (code: string) => begin(kernel, code);

const stop = (bySignal: boolean) =>
  bySignal ? void process.kill(kernel.pid!, 'SIGINT') : kernel.interrupt();

test(`${rounds} interrupts, ${rounds} cells answered after them`, async () => {
  const random = seeded(seed);
  let code = '';
  let round = 0;
  onTestFailed(() => console.error(`KERNELBOOK_FUZZ_SEED=${seed}, round ${round}: ${code}`));
  for (; round < rounds; round++) {
    code = endless(random);
    const run = await begun(code);
    await sleep(whole(random, 100));
    await stop(random() < 0.5);
    expect((await run.end).reply).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });
    const next = await runCell(kernel, `await pause(1); await null; typeof pause + ${round}`);
    expect(next).toMatchObject({ reply: { status: 'ok' }, result: `'function${round}'` });
  }
});

test('twenty in a burst, by both ways', async () => {
  const run = await begun('while (true) {}');
  const sent = Array.from({ length: 20 }, (_, i) => stop(i % 2 === 1));
  expect((await run.end).reply).toMatchObject({ ename: 'KeyboardInterrupt' });
  await Promise.all(sent);
  expect((await runCell(kernel, '6 * 7')).result).toBe('42');
});

test('while nothing runs, again and again', async () => {
  for (let i = 0; i < 20; i++) await stop(i % 2 === 1);
  await sleep(100);
  expect((await runCell(kernel, '6 * 7')).result).toBe('42');
});

const interrupted = { status: 'error', ename: 'KeyboardInterrupt' };

test('while the engine checks', async () => {
  const many = Array.from({ length: 3_000 }, (_, i) => `const v${i}: number[] = [${i}].map((x) => x + 1);`);
  for (const ms of [0, 10, 40, 100]) {
    const run = await begun(`${many.join('\n')}\nawait pause(1e6);`);
    await sleep(ms);
    await kernel.interrupt();
    expect((await run.end).reply).toMatchObject(interrupted);
    expect((await runCell(kernel, '6 * 7')).result).toBe('42');
  }
});

test('while a module is imported: it is loaded, or a later import says why it is not', async () => {
  const code = 'const tf = await import("@tensorflow/tfjs"); await pause(1e6);';
  for (const ms of [0, 10, 40, 100]) {
    const run = await begun(code);
    await sleep(ms);
    await kernel.interrupt();
    const reply = (await run.end).reply;
    if (reply.status !== 'error' || reply.ename !== 'KeyboardInterrupt')
      expect(reply).toMatchObject({
        evalue: expect.stringMatching(/interrupted while it was loaded.*restart/),
      });
    expect((await runCell(kernel, '6 * 7')).result).toBe('42');
  }
});
