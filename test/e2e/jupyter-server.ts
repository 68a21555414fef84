/** A real JupyterLab on loopback, with a token, for one workspace. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { patienceMs } from '../support/patience.js';
import { venvProgram, type Workspace } from './workspace.js';

export interface JupyterServer {
  /** Base address, ending in a slash. */
  url: string;
  token: string;
  /** What the server printed so far. */
  log(): string;
  stop(): Promise<void>;
}

const startSeconds = patienceMs / 1000;

/** The start of a program that ends, with its kernels, when the test that started it is gone: its standard input then closes. */
export const endsWithTest = `
import os, signal, sys, threading
def stop_with_parent():
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=stop_with_parent, daemon=True).start()
`;
const labProgram = `${endsWithTest}from jupyterlab.labapp import main
sys.exit(main())
`;

/** Starts JupyterLab and waits until it answers. */
export async function startJupyterLab(workspace: Workspace): Promise<JupyterServer> {
  writeLabSettings(workspace);
  const token = randomBytes(24).toString('hex');
  const root = process.getuid?.() === 0 ? ['--allow-root'] : [];
  // The page then has the application as `jupyterapp`.
  const options = [
    '--no-browser',
    '--LabApp.expose_app_in_browser=True',
    '--ServerApp.ip=127.0.0.1',
    '--ServerApp.port=0',
    ...root,
  ];
  const child = spawn(
    venvProgram('python'),
    ['-c', labProgram, ...options, `--ServerApp.root_dir=${workspace.folder}`],
    {
      cwd: workspace.folder,
      env: { ...workspace.env, JUPYTER_TOKEN: token },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    },
  );
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const killGroup = (signal: NodeJS.Signals) => {
    try {
      process.kill(-child.pid!, signal);
    } catch {
      // the group is gone
    }
  };
  const fail = (reason: string) => {
    killGroup('SIGKILL');
    return new Error(`JupyterLab ${reason}; it printed:\n${log}`);
  };

  const end = Date.now() + startSeconds * 1000;
  let url: string | undefined;
  while (!url) {
    if (child.exitCode !== null) throw fail(`ended with exit status ${child.exitCode}`);
    if (Date.now() > end) throw fail(`did not start within ${startSeconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    url = await answeringUrl(workspace, token);
  }
  return {
    url,
    token,
    log: () => log,
    async stop() {
      // A clean shutdown ends the kernels too; they are in process groups of their own.
      await fetch(`${url}api/shutdown`, {
        method: 'POST',
        headers: { Authorization: `token ${token}` },
      }).catch(() => {});
      const late = setTimeout(() => killGroup('SIGKILL'), 15_000);
      await exited;
      clearTimeout(late);
    },
  };
}

/** The server writes its address into a file of the runtime folder; the API tells when it is up. */
async function answeringUrl(workspace: Workspace, token: string): Promise<string | undefined> {
  if (!existsSync(workspace.runtime)) return undefined;
  const file = readdirSync(workspace.runtime).find((name) => /^jpserver-\d+\.json$/.test(name));
  if (!file) return undefined;
  try {
    const { url } = JSON.parse(readFileSync(path.join(workspace.runtime, file), 'utf8')) as { url: string };
    const reply = await fetch(`${url}api/kernelspecs`, { headers: { Authorization: `token ${token}` } });
    return reply.ok ? url : undefined;
  } catch {
    return undefined; // half-written file, or not listening yet
  }
}

/** No news from the network, and every cell in the page, not only those in view. */
function writeLabSettings(workspace: Workspace): void {
  const folder = path.join(workspace.env.JUPYTER_CONFIG_DIR!, 'labconfig');
  mkdirSync(folder, { recursive: true });
  const settings = {
    '@jupyterlab/apputils-extension:notification': { fetchNews: 'false', checkForUpdates: false },
    '@jupyterlab/notebook-extension:tracker': { windowingMode: 'none' },
  };
  writeFileSync(path.join(folder, 'default_setting_overrides.json'), JSON.stringify(settings));
}
