/** Starts kernels on a Jupyter server: waits for one that is away for a while, and leaves no kernel that nobody wants. */
import { setTimeout as sleep } from 'node:timers/promises';
import { KernelAPI, ServerConnection } from '@jupyterlab/services';
import type { KernelSpec } from '../../kernel/kernelspec.js';
import { KernelStartError } from '../../kernel/protocol/client.js';
import type { KernelSource, NotebookKernel, StartOptions } from '../run/notebook-kernel.js';
import { tokenVariable } from './address.js';
import { endLimitMs, GatewayKernel, pollMs } from './gateway-kernel.js';
import { type GatewayServer, withSignal } from './server.js';

export function serverKernels(server: GatewayServer): KernelSource {
  return {
    findSpec: (name) => server.findSpec(name),
    start: (spec, options) => startOnServer(server, spec, options),
    local: false,
  };
}

/** Starts a kernel on the server; waits for a server that is away for a while. */
async function startOnServer(
  server: GatewayServer,
  spec: KernelSpec,
  options: StartOptions,
): Promise<NotebookKernel> {
  const deadline = performance.now() + options.startTimeoutMs;
  const model = await startModel(server, spec, options, deadline);
  const kernel = new GatewayKernel(server, spec, model, options.startTimeoutMs);
  try {
    await kernel.ready(deadline - performance.now(), options.signal);
  } catch (error) {
    await kernel.kill();
    throw error;
  }
  return kernel;
}

async function startModel(
  server: GatewayServer,
  spec: KernelSpec,
  options: StartOptions,
  deadline: number,
): Promise<KernelAPI.IModel> {
  const body = { name: spec.name, env: kernelEnvironment(options.env) };
  for (;;) {
    options.signal.throwIfAborted();
    try {
      return await requestKernel(server, body, options.signal, deadline);
    } catch (error) {
      options.signal.throwIfAborted();
      if (isAway(error) && performance.now() + pollMs < deadline) {
        await sleep(pollMs, undefined, { signal: options.signal }).catch(() => {});
        continue;
      }
      throw new KernelStartError(
        `the kernel ${spec.name} could not be started on ${server.url}: ${whyRefusedKernel(error)}`,
      );
    }
  }
}

/** Nobody is there, or somebody before the server says that it is not there now; JupyterHub says 424. */
function isAway(error: unknown): boolean {
  if (error instanceof ServerConnection.ResponseError)
    return [424, 502, 503, 504].includes(error.response.status);
  return error instanceof ServerConnection.NetworkError;
}

/** The message of a server's own failure says nothing; the end of its traceback does. */
function whyRefusedKernel(error: unknown): string {
  if (!(error instanceof ServerConnection.ResponseError))
    return error instanceof Error ? error.message : String(error);
  const cause = error.traceback.trimEnd().split('\n').at(-1);
  return `HTTP ${error.response.status}, ${error.message}${cause ? ` (${cause})` : ''}`;
}

/** One request, until it is answered, given up or too late; a kernel that comes out of it after that is ended. */
async function requestKernel(
  server: GatewayServer,
  body: { name: string; env: Record<string, string> },
  signal: AbortSignal,
  deadline: number,
): Promise<KernelAPI.IModel> {
  const cut = new AbortController();
  const asked = KernelAPI.startNew(body, withSignal(server.settings, cut.signal));
  const limit = new AbortController();
  const tooLate = sleep(Math.max(0, deadline - performance.now()), undefined, {
    signal: AbortSignal.any([signal, limit.signal]),
  }).then(() => {
    throw new Error('the server does not answer');
  });
  try {
    return await Promise.race([asked, tooLate]);
  } catch (error) {
    setTimeout(() => cut.abort(), endLimitMs).unref();
    asked.then((model) => KernelAPI.shutdownKernel(model.id, server.within(endLimitMs))).catch(() => {});
    throw error;
  } finally {
    limit.abort();
    tooLate.catch(() => {});
  }
}

/** Ours alone: the rest of this machine's environment is none of the server's business. Servers may ignore it. */
function kernelEnvironment(env: NodeJS.ProcessEnv): Record<string, string> {
  const own = Object.entries(env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && entry[0].startsWith('KERNELBOOK_') && entry[0] !== tokenVariable,
  );
  return { KERNELBOOK_HISTORY: 'off', ...Object.fromEntries(own) };
}
