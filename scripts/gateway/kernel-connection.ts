/** JupyterLab's connection to a kernel, made for a command line: it does not print, and a failed try is no crash. */
import { KernelConnection } from '@jupyterlab/services';

export class QuietKernelConnection extends KernelConnection {
  /** The library calls this itself and does not look at the outcome, which then would end the process. */
  override async reconnect(): Promise<void> {
    await super.reconnect().catch(() => {});
  }
}

const remarks =
  /^(Starting WebSocket: |Kernel: |Connection lost, reconnecting |The kernel ".*" does not exist)/;
let quiet = false;

/** The library writes its remarks to the console, where they would stand in the middle of our table. */
export function silenceLibrary(): void {
  if (quiet) return;
  quiet = true;
  for (const level of ['debug', 'log', 'warn'] as const) {
    const print = console[level].bind(console);
    console[level] = (...words: unknown[]) => {
      if (typeof words[0] !== 'string' || !remarks.test(words[0])) print(...words);
    };
  }
}
