/** Jupyter servers of the test's own on loopback: started, killed, started again on the same port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { endsWithTest } from '../e2e/jupyter-server.js';
import { venvProgram } from '../e2e/workspace.js';
import { patienceMs } from '../support/patience.js';

export const token = 'a token of the test';

export interface ServerOptions {
  kind: 'server' | 'kernelgateway';
  folder: string;
  port: number;
  /** PEM files; the server then speaks TLS. */
  tls?: { certificate: string; key: string };
}

const startSeconds = patienceMs / 1000;

const launchers = {
  server: `${endsWithTest}from jupyter_server.serverapp import main\nsys.exit(main())`,
  kernelgateway: `${endsWithTest}from kernel_gateway import launch_instance\nsys.exit(launch_instance())`,
};

export class JupyterServer {
  #child: ChildProcess | undefined;
  #log = '';

  constructor(readonly options: ServerOptions) {}

  get url(): string {
    const { tls, port } = this.options;
    return `${tls ? 'https' : 'http'}://${tls ? 'localhost' : '127.0.0.1'}:${port}/`;
  }

  /** Starts the server and waits until its port is open. */
  async start(): Promise<void> {
    const { kind, folder } = this.options;
    const child = spawn(venvProgram('python'), ['-c', launchers[kind], ...this.#arguments()], {
      cwd: folder,
      env: { ...process.env, KG_AUTH_TOKEN: token, JUPYTER_TOKEN: token, JUPYTER_PLATFORM_DIRS: '1' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (this.#log += chunk.toString()));
    const end = Date.now() + startSeconds * 1000;
    while (!this.#answers()) {
      if (child.exitCode !== null || Date.now() > end) {
        child.kill('SIGKILL');
        throw new Error(`the Jupyter ${kind} did not start; it printed:\n${this.#log}`);
      }
      await sleep(200);
    }
  }

  /** As if the machine had lost its power: nothing is told to anybody. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const closed = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await Promise.race([closed, sleep(20_000).then(() => child.kill('SIGKILL'))]);
  }

  /** The kernels that run on it now. */
  async kernels(): Promise<unknown[]> {
    const reply = await fetch(`${this.url}api/kernels`, { headers: { Authorization: `token ${token}` } });
    return (await reply.json()) as unknown[];
  }

  #answers(): boolean {
    return / is running at| is available at/.test(this.#log);
  }

  #arguments(): string[] {
    const { kind, port, folder, tls } = this.options;
    const app = kind === 'server' ? 'ServerApp' : 'KernelGatewayApp';
    const listing = kind === 'server' ? [] : ['--JupyterWebsocketPersonality.list_kernels=True'];
    const root = kind === 'server' ? ['--no-browser', `--ServerApp.root_dir=${folder}`] : [];
    const asRoot = kind === 'server' && process.getuid?.() === 0 ? ['--allow-root'] : [];
    const encrypted = tls ? [`--${app}.certfile=${tls.certificate}`, `--${app}.keyfile=${tls.key}`] : [];
    return [
      `--${app}.ip=127.0.0.1`,
      `--${app}.port=${port}`,
      `--${app}.port_retries=0`,
      ...root,
      ...asRoot,
      ...listing,
      ...encrypted,
    ];
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
