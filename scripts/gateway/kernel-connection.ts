/** JupyterLab's connection to a kernel, made for a command line: it does not print, and a failed try is no crash. */
import { type Kernel, KernelAPI, KernelConnection } from '@jupyterlab/services';

export class QuietKernelConnection extends KernelConnection {
  /**
   * The library would ask the server about the kernel whenever a connection fails, and again from a timer that outlives
   * it. It is told what it knows: `GatewayKernel` finds out itself what has become of the kernel.
   */
  constructor(options: Omit<Kernel.IKernelConnection.IOptions, 'kernelAPIClient'>) {
    const client = new KernelAPI.KernelAPIClient({ serverSettings: options.serverSettings! });
    client.getModel = () => Promise.resolve(options.model);
    super({ ...options, kernelAPIClient: client });
  }

  /** The library calls this itself and does not look at the outcome, which then would end the process. */
  override async reconnect(): Promise<void> {
    await super.reconnect().catch(() => {});
  }

  /** The library leaves its timer for the next try, which would throw then. */
  override dispose(): void {
    // biome-ignore lint/complexity/useLiteralKeys: TypeScript takes it for private
    clearTimeout(this['_reconnectTimeout']);
    super.dispose();
  }
}

const remarks = /^(Connection lost, reconnecting |The kernel ".*" does not exist|Traceback )/;
let quiet = false;

/** The library writes its remarks to the console, where they would stand in the middle of our table; we use no `debug`. */
export function silenceLibrary(): void {
  if (quiet) return;
  quiet = true;
  console.debug = () => {};
  for (const level of ['log', 'warn', 'error'] as const) {
    const print = console[level].bind(console);
    console[level] = (...words: unknown[]) => {
      if (typeof words[0] !== 'string' || !remarks.test(words[0])) print(...words);
    };
  }
}
