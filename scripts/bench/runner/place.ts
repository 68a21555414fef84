/**
 * The folder in which everything of a bench of runners happens: its notebooks, their outputs, and all that tools and
 * kernels keep for their user or leave in temporary folders. It goes when this process ends, and what still runs with
 * it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { packageRoot } from '../../../kernel/package-root.js';
import { collectOutput } from '../../child-output.js';
import { processesAreKnown, processesIn } from '../../processes.js';

export interface Ran {
  seconds: number;
  stdout: string;
}

export class BenchPlace {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'kernelbook-bench-')));
  readonly env: NodeJS.ProcessEnv;
  /** The Python that has papermill, nbclient and ipykernel. */
  readonly python: string;
  readonly #running = new Set<ChildProcess>();

  constructor(python: string | undefined) {
    const own = join(packageRoot(), '.venv', 'bin', 'python');
    this.python = python ?? (existsSync(own) ? own : 'python3');
    const home = this.#made('home');
    process.on('exit', () => this.#remove());
    this.env = {
      ...process.env,
      TMPDIR: this.#made('tmp'),
      IPYTHONDIR: home,
      JUPYTER_RUNTIME_DIR: this.#made('runtime'),
      XDG_CACHE_HOME: this.#made('cache'),
      PYTHONPATH: [join(packageRoot(), 'scripts', 'papermill'), process.env.PYTHONPATH ?? '']
        .filter(Boolean)
        .join(delimiter),
      PYTHONDONTWRITEBYTECODE: '1',
      // Software Vulkan would use every core for one notebook, and jobs side by side would show nothing.
      KERNELBOOK_BACKEND: 'cpu',
      NO_COLOR: '1',
    };
  }

  /** Has our kernel's start-up snapshot built, as `kernelbook install` does; each tool starts the kernel with it. */
  async buildSnapshot(): Promise<void> {
    const script = join(packageRoot(), 'dist', 'kernel', 'language', 'build-snapshot.js');
    await this.run([process.execPath, script]);
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  write(file: string, content: string): string {
    mkdirSync(this.path(file, '..'), { recursive: true });
    writeFileSync(this.path(file), content);
    return this.path(file);
  }

  /**
   * @param onStarted gets the process, to look at it while it runs
   * @throws Error with the end of what it said, unless it succeeds
   */
  run(argv: readonly string[], onStarted: (child: ChildProcess) => void = () => {}): Promise<Ran> {
    const started = performance.now();
    const [program, ...words] = argv;
    const child = spawn(program!, words, {
      cwd: this.folder,
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#running.add(child);
    const output = collectOutput(child);
    onStarted(child);
    return new Promise((resolve, reject) => {
      child.once('error', (error) => reject(new Error(`${program} does not start: ${error.message}`)));
      child.once('close', (status, signal) => {
        this.#running.delete(child);
        if (status === 0)
          return resolve({ seconds: (performance.now() - started) / 1000, stdout: output.stdout });
        const last = (output.stderr.trim() || output.stdout.trim()).split('\n').slice(-3).join('\n');
        reject(
          new Error(`${words.slice(0, 2).join(' ')} ended with ${signal ?? `status ${status}`}: ${last}`),
        );
      });
    });
  }

  /** Processes that work in this folder, as kernels do. */
  processes(): number[] {
    if (!processesAreKnown()) return [];
    return processesIn(this.folder);
  }

  /** Files in the folders for temporary files, connection files and sockets. */
  leftovers(): string[] {
    return ['tmp', 'runtime'].flatMap((name) =>
      readdirSync(this.path(name), { recursive: true, encoding: 'utf8' }).map((file) => join(name, file)),
    );
  }

  #made(name: string): string {
    mkdirSync(this.path(name));
    return this.path(name);
  }

  #remove(): void {
    for (const child of this.#running) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
