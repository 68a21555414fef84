/** The client against a kernel that is not ours: ipykernel. */
import { existsSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { findKernelSpec, listKernelSpecs } from '../../kernel/kernelspec.js';
import {
  type KernelClient,
  KernelDiedError,
  KernelStartError,
  KernelTimeoutError,
  launchKernel,
} from '../../kernel/protocol/client.js';
import { processRuns } from '../../scripts/processes.js';
import { ofType, runCell, startKernel } from '../kernel/helpers.js';
import { describeRequires } from '../support/requires.js';

const started: KernelClient[] = [];
afterEach(async () => {
  for (const kernel of started.splice(0)) await kernel.kill();
});
const python = async (): Promise<KernelClient> => {
  const kernel = await startKernel('python3');
  started.push(kernel);
  return kernel;
};

describeRequires('venv', 'ipykernel', () => {
  test('outputs, result and reply of a cell; the kernel tells what it is', async () => {
    const kernel = await python();
    expect(kernel.info.language_info.name).toBe('python');
    const run = await runCell(kernel, 'import sys\nprint("out")\nprint("err", file=sys.stderr)\n6 * 7');
    expect(run).toMatchObject({ stdout: 'out\n', stderr: 'err\n', result: '42' });
    expect(run.reply).toMatchObject({ status: 'ok', execution_count: 1 });
  });

  test('an error is a reply, and aborts what was queued behind it', async () => {
    const kernel = await python();
    // The pause lets the second request arrive before the first has failed.
    const slow = 'import time; time.sleep(0.5); 1 / 0';
    const [failed, aborted] = await Promise.all([runCell(kernel, slow), runCell(kernel, '2')]);
    expect(failed.reply).toMatchObject({ status: 'error', ename: 'ZeroDivisionError' });
    expect(ofType(failed.outputs, 'error')).toHaveLength(1);
    expect(aborted.reply.status).toBe('aborted');
  });

  test('input, completion behind an emoji, is_complete', async () => {
    const kernel = await python();
    const run = await runCell(kernel, 'input("name? ")', { onInput: (prompt) => `${prompt}Ada` });
    expect(run.result).toBe("'name? Ada'");
    const code = '"😀"; pri';
    expect(await kernel.complete(code)).toMatchObject({ matches: ['print'], start: 6, end: code.length });
    expect(await kernel.isComplete('for i in x:')).toMatchObject({ status: 'incomplete' });
  });

  test('a cell over its time is interrupted; one that ignores that is killed', async () => {
    const kernel = await python();
    const slow = kernel.execute('while True: pass', { timeoutMs: 300 });
    await expect(slow).rejects.toMatchObject({ name: 'KernelTimeoutError', killed: false });
    expect((await runCell(kernel, '1 + 1')).result).toBe('2');
    const deaf = 'import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass';
    const error: unknown = await kernel.execute(deaf, { timeoutMs: 300, graceMs: 300 }).catch((e) => e);
    expect(error).toBeInstanceOf(KernelTimeoutError);
    expect(error).toMatchObject({ killed: true });
    expect(processRuns(kernel.pid!)).toBe(false);
  });

  test('an aborted signal interrupts the cell and is the reason of the rejection', async () => {
    const kernel = await python();
    const controller = new AbortController();
    const run = kernel.execute('import time\ntime.sleep(60)', { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 300);
    await expect(run).rejects.toThrow('enough');
    expect((await runCell(kernel, '3')).result).toBe('3');
    await expect(kernel.execute('4', { signal: controller.signal })).rejects.toThrow('enough');
  });

  test('the death of the kernel rejects what was under way and is told to listeners', async () => {
    const kernel = await python();
    const deaths: KernelDiedError[] = [];
    kernel.onDeath((error) => deaths.push(error));
    const error: unknown = await kernel.execute('import os; os._exit(7)').catch((e) => e);
    expect(error).toBeInstanceOf(KernelDiedError);
    expect(String(error)).toContain('python3 died (exit code 7)');
    expect(deaths).toEqual([error]);
    await expect(kernel.execute('1')).rejects.toThrow(/died \(exit code 7\)/);
  });

  test('shutdown leaves no process and no connection file', async () => {
    const kernel = await python();
    const { connectionFile } = kernel.process;
    expect(existsSync(connectionFile)).toBe(true);
    await kernel.shutdown();
    expect(processRuns(kernel.pid!)).toBe(false);
    expect(existsSync(connectionFile)).toBe(false);
  });

  test('kernels started at once do not collide', async () => {
    const kernels = await Promise.all([python(), python(), python()]);
    const results = await Promise.all(kernels.map((kernel, i) => runCell(kernel, `${i} + 1`)));
    expect(results.map(({ result }) => result)).toEqual(['1', '2', '3']);
  });
});

describe('kernels that do not start', () => {
  const broken = (argv: string[]) => ({ ...findKernelSpec('kernelbook'), name: 'broken', argv });

  test('a program that is not there', async () => {
    await expect(launchKernel(broken(['no-such-program']))).rejects.toThrow(
      /broken did not start \(could not be started; no-such-program\)[\s\S]*ENOENT/,
    );
  });

  test('a program that fails: its last words are in the message', async () => {
    const argv = ['/bin/sh', '-c', 'echo the reason >&2; exit 4'];
    await expect(launchKernel(broken(argv))).rejects.toThrow(/exit code 4[\s\S]*the reason/);
  });

  test('a program that never answers is killed', async () => {
    const error: unknown = await launchKernel(broken(['/bin/sleep', '60']), { startTimeoutMs: 300 }).catch(
      (e) => e,
    );
    expect(error).toBeInstanceOf(KernelStartError);
    expect(String(error)).toContain('did not answer within 0.3 s');
  });
});

describe('kernelspecs', () => {
  test('ours is always there', () => {
    expect(listKernelSpecs({ env: {} }).map(({ name }) => name)).toContain('kernelbook');
    expect(findKernelSpec('KernelBook').language).toBe('typescript');
  });

  test('an unknown name: what there is, and the nearest', () => {
    expect(() => findKernelSpec('kernlbook')).toThrow(
      /no kernel named "kernlbook", did you mean "kernelbook"\?.*Kernels here: .*kernelbook/,
    );
    expect(() => findKernelSpec('fortran')).toThrow(/no kernel named "fortran"\. Kernels here/);
  });
});
