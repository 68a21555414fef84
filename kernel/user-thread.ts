/**
 * The main thread of the kernel: receives compiled cells, runs them through the evaluator and sends what they print
 * and show to the protocol worker. Callbacks only: a cell stopped by an interrupt leaves promises that never settle.
 */
import type { Worker } from 'node:worker_threads';
import { Evaluator, keyboardInterrupt } from './evaluator/evaluator.js';
import type { CellContext } from './evaluator/outcome.js';
import { type CellId, type Flow, type FromUserThread, interruptHook, type ToUserThread } from './link.js';
import { captureStreams } from './streams.js';

/** How long the end of the process waits for the worker to send what is left and close the sockets. */
const closeTimeoutMs = 3_000;

type Context = CellContext<CellId> | undefined;

export function serveUserCode(worker: Worker, cwd: string, flow: Flow): void {
  const post = (message: FromUserThread) => worker.postMessage(message);
  const stream = (name: 'stdout' | 'stderr', text: string, context: Context) => {
    post({ kind: 'stream', id: context?.parent, name, text });
    flow.sent(text.length);
  };

  const inputs = new Map<number, { resolve(value: string): void; reject(error: Error): void }>();
  let inputCount = 0;

  const evaluator = new Evaluator<CellId>({
    cwd,
    host: {
      display: (output, context) => post({ kind: 'display', id: context?.parent, output }),
      stderr: (text, context) => stream('stderr', text, context),
      clearOutput: (wait, context) => post({ kind: 'clear', id: context?.parent, wait }),
      input: (prompt, password, context) =>
        new Promise((resolve, reject) => {
          const request = ++inputCount;
          inputs.set(request, { resolve, reject });
          post({ kind: 'input', id: context?.parent, request, prompt, password });
        }),
    },
  });
  captureStreams((name, text) => stream(name, text, evaluator.context()));

  // The inspector calls this in the paused thread: Node's own handling of a fatal error resets its async stack,
  // without which a terminated timer callback would abort the process. `_fatalException` is not public API.
  const fatal = (process as unknown as { _fatalException(error: Error): void })._fatalException;
  Object.defineProperty(globalThis, Symbol.for(interruptHook), {
    value: () => fatal.call(process, keyboardInterrupt),
  });

  worker.on('message', (message: ToUserThread) => {
    switch (message.kind) {
      case 'run': {
        const { id, cell } = message;
        post({ kind: 'started', id });
        evaluator.run(cell, id, (outcome) => post({ kind: 'done', id, outcome }));
        return;
      }
      case 'abandon':
        evaluator.abandon();
        inputs.clear();
        return;
      case 'ping':
        post({ kind: 'pong', nonce: message.nonce });
        return;
      case 'input':
        inputs.get(message.request)?.resolve(message.value);
        inputs.delete(message.request);
        return;
      case 'input-failed':
        inputs.get(message.request)?.reject(new Error(message.reason));
        inputs.delete(message.request);
        return;
      case 'exit':
        process.exit(message.code);
    }
  });
  process.on('exit', (code) => {
    post({ kind: 'exiting', code });
    flow.waitClosed(closeTimeoutMs);
  });
  post({ kind: 'ready' });
}
