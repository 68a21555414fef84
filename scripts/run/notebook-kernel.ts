/**
 * What the runner asks of the kernel that runs a notebook. A process of ours is one such kernel; one behind a Jupyter
 * server, or one that was started before it was needed, are others.
 */
import { findKernelSpec, type KernelSpec } from '../../kernel/kernelspec.js';
import { type KernelClient, launchKernel } from '../../kernel/protocol/client.js';
import type { ContentMap, ExecuteReply, KernelInfo, RawMessage } from '../../kernel/protocol/messages.js';

export interface NotebookKernel {
  /** For messages. */
  readonly name: string;
  readonly info: KernelInfo;
  /** Of its process on this machine; undefined where it runs elsewhere. */
  readonly pid: number | undefined;
  readonly running: boolean;
  /**
   * Resolves with the reply once all outputs have arrived; errors of the code are in the reply. When `signal` aborts,
   * the cell is interrupted, the kernel killed if it has not ended after `graceMs`, and the promise rejects with the
   * signal's reason. Rejects with KernelDiedError where the kernel ends unasked.
   */
  execute(code: string, options: RunCellOptions): Promise<ExecuteReply>;
  /** Sends a comm message; there is no reply. */
  sendComm(type: 'comm_msg', content: ContentMap['comm_msg']): Promise<unknown>;
  /** Asks whether the code is a whole cell: of our kernel, any answer shows that its checker is there. */
  isComplete(code: string): Promise<unknown>;
  /** Calls `listener` for every message the kernel publishes. Returns what takes it off again. */
  onMessage(listener: (message: RawMessage) => void): () => void;
  /** Resolves when all that the kernel has published so far has arrived. */
  drained(): Promise<unknown>;
  interrupt(): Promise<void>;
  shutdown(): Promise<void>;
  kill(): Promise<void>;
}

export interface RunCellOptions {
  signal: AbortSignal;
  graceMs: number;
  /** The kernel asks for input, although the request says that there is none; the question stays open. */
  onUnexpectedInput: (prompt: string) => void;
}

export interface StartOptions {
  /** The kernel's working folder. */
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** How long the kernel may take until it answers. */
  startTimeoutMs: number;
  /** Gives the start up; the promise then rejects with the signal's reason. */
  signal: AbortSignal;
}

/** Resolves once the kernel answers; rejects with what was wrong, the kernel's name in it. */
export type StartKernel = (spec: KernelSpec, options: StartOptions) => Promise<NotebookKernel>;

/** A kernel as a process of this machine that ends with us. */
function startLocally(spec: KernelSpec, options: StartOptions): Promise<KernelClient> {
  // What a notebook contains was not typed at a prompt: it is no part of the user's history.
  return launchKernel(spec, { ...options, env: { KERNELBOOK_HISTORY: 'off', ...options.env } });
}

/** Where the kernels of a run come from. */
export interface KernelSource {
  /** Throws KernelSpecError. */
  findSpec: (name: string) => KernelSpec;
  start: StartKernel;
  /** Whether they run on this machine, whose devices then decide what can run. */
  local: boolean;
}

export const localKernels: KernelSource = {
  findSpec: (name) => findKernelSpec(name),
  start: startLocally,
  local: true,
};
