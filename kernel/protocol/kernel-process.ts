/**
 * A kernel as a process of ours: started from its kernelspec with a fresh connection file, in its own process group,
 * ended with this process at the latest. Knows nothing of messages.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import type { KernelSpec } from '../kernelspec.js';
import { type ConnectionInfo, newConnection, writeConnectionFile } from './connection-file.js';
import { newConnectionFile, removeAbandonedConnections } from './runtime-folder.js';

export interface KernelExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last of what the kernel process itself wrote, for error messages. */
  log: string;
}

const logLimit = 16_384;
const live = new Set<KernelProcess>();
let tidied = false;
process.on('exit', () => {
  for (const kernel of live) kernel.kill();
});

export class KernelProcess {
  readonly exited: Promise<KernelExit>;
  readonly #child: ChildProcess;
  #log = '';

  static async start(
    spec: KernelSpec,
    options: { cwd?: string; env?: NodeJS.ProcessEnv; connection?: ConnectionInfo },
  ): Promise<KernelProcess> {
    const connection = options.connection ?? (await newConnection(spec.name));
    if (!tidied) void removeAbandonedConnections(); // nothing waits for it
    tidied = true;
    const file = newConnectionFile();
    writeConnectionFile(file, connection);
    return new KernelProcess(spec, connection, file, options);
  }

  private constructor(
    spec: KernelSpec,
    readonly connection: ConnectionInfo,
    readonly connectionFile: string,
    options: { cwd?: string; env?: NodeJS.ProcessEnv },
  ) {
    const env: NodeJS.ProcessEnv = { ...(options.env ?? process.env) };
    for (const [name, value] of Object.entries(spec.env))
      env[name] = value.replace(/\$\{(\w+)\}/g, (whole, key: string) => env[key] ?? whole);
    env.JPY_PARENT_PID = String(process.pid); // kernels watch it and end with their parent
    const [program, ...args] = spec.argv.map((word) =>
      word.replaceAll('{connection_file}', connectionFile).replaceAll('{resource_dir}', spec.resourceDir),
    );
    this.#child = spawn(program!, args, {
      cwd: options.cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Its own group: Ctrl-C on our terminal is ours to handle, and helpers of the kernel end with it.
      detached: process.platform !== 'win32',
    });
    live.add(this);
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-logLimit);
      });
    this.exited = new Promise((resolve) => {
      let ended = false;
      const end = (code: number | null, signal: NodeJS.Signals | null) => {
        if (ended) return;
        ended = true;
        live.delete(this);
        rmSync(connectionFile, { force: true });
        resolve({ code, signal, log: this.#log });
      };
      this.#child.once('error', (error) => {
        this.#log += `${error.message}\n`;
        end(null, null);
      });
      // Helpers may hold the pipes open after the kernel itself is gone, so 'exit', not 'close'.
      this.#child.once('exit', (code, signal) => setImmediate(end, code, signal));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get running(): boolean {
    return live.has(this);
  }

  /** The kernel has started: what it wrote until now does not say why it ends. */
  started(): void {
    this.#log = '';
  }

  signal(signal: NodeJS.Signals): void {
    if (this.pid === undefined) return;
    try {
      if (process.platform === 'win32') this.#child.kill(signal);
      else process.kill(-this.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  kill(): void {
    this.signal('SIGKILL');
    rmSync(this.connectionFile, { force: true });
  }

  /** Lets this process end although the kernel has left pipes open. */
  release(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    this.#child.unref();
  }
}
