/**
 * The main thread of the kernel: receives compiled cells, runs them through the evaluator and sends what they print
 * and show to the protocol worker. Callbacks only: a cell stopped by an interrupt leaves promises that never settle.
 */

import { executionAsyncResource } from 'node:async_hooks';
import type { Worker } from 'node:worker_threads';
import { forTransfer } from '../comms/messages.js';
import {
  type CellId,
  contextHook,
  type Flow,
  type FromUserThread,
  interruptHook,
  type ToUserThread,
} from '../link.js';
import { Evaluator, keyboardInterrupt } from './evaluator.js';
import { watchInheritedOutput } from './inherited-output.js';
import { repairImmediates } from './interrupted-immediate.js';
import { observeReach } from './observed/observe.js';
import type { CellContext, DisplayOutput } from './outcome.js';
import { captureStreams } from './streams.js';

/** How long the end of the process waits for the worker to send what is left and close the sockets. */
const closeTimeoutMs = 3_000;
/** What a message counts in the flow in addition to its text, and what a value that is no text counts. */
const messageSize = 100;
const objectSize = 64 * 1024;

/** What output and questions of a cell need to know of it. */
interface Origin {
  id: CellId;
  allowStdin: boolean;
}
type Context = CellContext<Origin> | undefined;

export interface UserThreadOptions {
  /** The descriptor of the pipe that programs get for our stderr. */
  stderr?: number | undefined;
  /** The file that gets what user code reaches outside of its cells, where that is wanted. */
  observed?: string | undefined;
}

export function serveUserCode(
  worker: Worker,
  cwd: string,
  flow: Flow,
  { stderr, observed }: UserThreadOptions,
): void {
  const cellEnded = observed === undefined ? () => {} : observeReach(observed);
  const post = (message: FromUserThread) => worker.postMessage(message);
  const output = (message: Extract<FromUserThread, { size: number }>, transfer: ArrayBuffer[] = []) => {
    worker.postMessage(message, transfer);
    flow.sent(message.size);
  };
  const stream = (name: 'stdout' | 'stderr', text: string, context: Context) =>
    output({ kind: 'stream', id: context?.parent.id, name, text, size: messageSize + text.length });

  const inputs = new Map<number, { id: CellId; answer(value: string): void }>();
  let inputCount = 0;
  /** The cells that run: one, and one more per subshell. */
  const running = new Map<CellId, Origin>();

  const evaluator = new Evaluator<Origin>({
    cwd,
    host: {
      display: (shown, context) =>
        output({ kind: 'display', id: context?.parent.id, output: shown, size: sizeOf(shown) }),
      stderr: (text, context) => stream('stderr', text, context),
      comm: (message, context) => {
        const { buffers, transfer } = forTransfer(message.buffers);
        const size = buffers.reduce((sum, bytes) => sum + bytes.length, messageSize);
        output({ kind: 'comm', id: context?.parent.id, message: { ...message, buffers }, size }, transfer);
      },
      clearOutput: (wait, context) =>
        output({ kind: 'clear', id: context?.parent.id, wait, size: messageSize }),
      input: (prompt, password, context) =>
        new Promise((resolve, reject) => {
          if (!context?.parent.allowStdin) {
            reject(new Error('input: the front end that runs this cell takes no input'));
            return;
          }
          const request = ++inputCount;
          inputs.set(request, { id: context.parent.id, answer: resolve });
          post({ kind: 'input', id: context.parent.id, request, prompt, password });
        }),
    },
  });
  captureStreams((name, text) => stream(name, text, evaluator.context()));
  watchInheritedOutput({
    stderr,
    written: () => {
      if (stderr === undefined) return;
      post({ kind: 'written' });
      flow.waitRead();
    },
    waiting: (others) => {
      post({ kind: 'waiting', others });
      flow.wait(true);
    },
    waited: () => flow.wait(false),
  });

  // The inspector calls this in the paused thread: Node's own handling of a fatal error resets its async stack,
  // without which a terminated timer callback would abort the process. `_fatalException` is not public API.
  const fatal = (process as unknown as { _fatalException(error: Error): void })._fatalException;
  Object.defineProperty(globalThis, Symbol.for(interruptHook), {
    value: () => {
      repairImmediates(executionAsyncResource());
      fatal.call(process, keyboardInterrupt);
    },
  });
  Object.defineProperty(globalThis, Symbol.for(contextHook), {
    value: () => evaluator.context()?.parent.id ?? 0,
  });

  worker.on('message', (message: ToUserThread) => {
    flow.wait(false); // code that was terminated while it waited has not said that it does no more
    switch (message.kind) {
      case 'run': {
        const { id, cell, allowStdin } = message;
        const origin = { id, allowStdin };
        running.set(id, origin);
        flow.begin();
        evaluator.run(cell, origin, (outcome) => {
          running.delete(id);
          cellEnded();
          post({ kind: 'done', id, outcome });
        });
        return;
      }
      case 'abandon': {
        const origin = running.get(message.id);
        running.delete(message.id);
        const undone = origin ? evaluator.abandon(origin) : [];
        post({ kind: 'abandoned', id: message.id, undone });
        for (const [request, { id }] of inputs) if (id === message.id) inputs.delete(request);
        return;
      }
      case 'ping':
        post({ kind: 'pong', nonce: message.nonce });
        return;
      case 'input':
        inputs.get(message.request)?.answer(message.value);
        inputs.delete(message.request);
        return;
      case 'comm': {
        const { id } = message;
        evaluator.receive(message.message, { id, allowStdin: false });
        post({ kind: 'handled', id });
        return;
      }
      case 'exit':
        process.exit(message.code);
    }
  });
  process.on('exit', (code) => {
    if (flow.isClosed) return;
    post({ kind: 'exiting', code });
    flow.waitClosed(closeTimeoutMs);
    // A later handler that throws would call the exit off, and leave a process that nobody can reach.
    setImmediate(() => process.exit(code));
  });
  post({ kind: 'ready' });
}

function sizeOf({ data }: DisplayOutput): number {
  return Object.values(data).reduce<number>(
    (sum, value) => sum + (typeof value === 'string' ? value.length : objectSize),
    messageSize,
  );
}
