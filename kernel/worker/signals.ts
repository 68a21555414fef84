/**
 * Signals and the death of the parent, seen by the worker. Node hands signals only to the main thread's event loop,
 * which a synchronous loop of the user blocks; libuv itself wakes every loop that asked, so the worker asks libuv,
 * which it can because it is started with `--expose-internals`.
 */
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { log } from '../log.js';
import { isRunning } from '../protocol/process-running.js';

interface SignalWrap {
  onsignal: (signal: number) => void;
  start(signal: number): number;
}
interface Internals {
  internalBinding(name: 'signal_wrap'): { Signal: new () => SignalWrap };
}

export interface SignalHandlers {
  interrupt(): void;
  terminate(): void;
}

export function watchSignals(handlers: SignalHandlers): void {
  const { SIGINT, SIGTERM } = constants.signals;
  try {
    const internals = createRequire(import.meta.url)('internal/test/binding') as Internals;
    const { Signal } = internals.internalBinding('signal_wrap');
    for (const [signal, handle] of [
      [SIGINT, handlers.interrupt],
      [SIGTERM, handlers.terminate],
    ] as const) {
      const wrap = new Signal();
      wrap.onsignal = () => handle();
      const failed = wrap.start(signal);
      if (failed) throw new Error(`signal ${signal} cannot be watched (${failed})`);
    }
  } catch (error) {
    log(`signals are left to the main thread: ${(error as Error).message}`);
  }
}

const parentPollMs = 1_000;

/**
 * Calls `gone` when the process that started this kernel ends: no kernel outlives its server. Where that is not our
 * parent, because another process is in between or because it ended before we looked, it is asked for by its number.
 */
export function watchParent(gone: () => void): void {
  const starter = Number(process.env.JPY_PARENT_PID); // set by Jupyter and by our client
  if (!(starter > 0)) return;
  const isChild = process.ppid === starter;
  const timer = setInterval(() => {
    if (isChild ? process.ppid === starter : isRunning(starter)) return;
    clearInterval(timer);
    gone();
  }, parentPollMs);
}
