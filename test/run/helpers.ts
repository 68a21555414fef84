/** What the runner's tests share: small notebooks in a folder of their own, and the command line as it is shipped. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { snapshotsFolder } from '../../kernel/language/snapshot.js';
import { collectOutput } from '../../scripts/child-output.js';
import type { CodeCell, Output } from '../../scripts/notebook/format.js';
import { parseNotebook, readNotebook } from '../../scripts/notebook/read.js';
import { serializeNotebook } from '../../scripts/notebook/serialize.js';
import { processesIn } from '../../scripts/processes.js';

const main = fileURLToPath(new URL('../../dist/scripts/main.js', import.meta.url));

/** Sources, sources with tags, or with any metadata. */
export type TestCell = string | [string, ...string[]] | { source: string; metadata: Record<string, unknown> };

export interface Finished {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** What streams show; other outputs by their type. */
export const textOf = (outputs: Output[]) =>
  outputs.map((output) => (output.output_type === 'stream' ? output.text : output.output_type)).join('');

/** Papermill's record of a cell: pending, running, completed or failed. */
export const statusOf = (cell: CodeCell) => (cell.metadata.papermill as { status: string }).status;

/** A folder for one suite, with what the tests do in it. */
export class Workplace {
  private constructor(readonly folder: string) {}

  static async create(): Promise<Workplace> {
    const place = new Workplace(await mkdtemp(join(tmpdir(), 'kernelbook-run-')));
    // A cache of its own, but for the engine's start-up snapshot, which every suite would build again.
    await mkdir(place.path('.cache', 'kernelbook'), { recursive: true });
    await symlink(snapshotsFolder(), place.path('.cache', 'kernelbook', 'engine'), 'dir');
    return place;
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  async write(file: string, content: string): Promise<void> {
    await mkdir(dirname(this.path(file)), { recursive: true });
    await writeFile(this.path(file), content);
  }

  /** Writes a notebook of code cells. */
  async notebook(file: string, kernel: string, cells: TestCell[]): Promise<void> {
    const document = {
      nbformat: 4,
      nbformat_minor: 5,
      metadata: { kernelspec: { name: kernel, display_name: kernel } },
      cells: cells.map((cell, index) => {
        const [source, ...tags] =
          typeof cell === 'string' ? [cell] : Array.isArray(cell) ? cell : [cell.source];
        return {
          cell_type: 'code',
          id: `cell-${index + 1}`,
          metadata: typeof cell === 'object' && 'metadata' in cell ? cell.metadata : { tags },
          source,
          execution_count: null,
          outputs: [],
        };
      }),
    };
    await this.write(file, serializeNotebook(parseNotebook(JSON.stringify(document))));
  }

  /** The cells of an executed notebook. */
  async executed(file: string): Promise<CodeCell[]> {
    return (await readNotebook(this.path('build/notebooks', file))).cells as CodeCell[];
  }

  /** Processes that work in this folder, as its kernels do. */
  leftBehind(): number[] {
    return processesIn(this.folder);
  }

  /**
   * Runs `kernelbook ...` in the folder; `started` gets the process id. A test that runs means a run: unless it asks
   * for `cache`, no result of an earlier one is taken for it.
   * @param options.prefix a command that runs the one after it, in a setting of its own
   */
  kernelbook(
    args: string[],
    started?: (pid: number) => void,
    {
      env = {},
      prefix = [],
      cache = false,
    }: { env?: NodeJS.ProcessEnv; prefix?: string[]; cache?: boolean } = {},
  ): Promise<Finished> {
    const given = args[0] === 'run' && !cache ? ['run', '--no-cache', ...args.slice(1)] : args;
    const [program, ...words] = [...prefix, process.execPath, main, ...given];
    const child = spawn(program!, words, {
      cwd: this.folder,
      env: {
        ...process.env,
        KERNELBOOK_BACKEND: 'cpu',
        NO_COLOR: '1',
        XDG_CACHE_HOME: this.path('.cache'),
        ...env,
      },
    });
    if (child.pid !== undefined) started?.(child.pid);
    const output = collectOutput(child);
    return new Promise((resolve) => child.once('close', (status) => resolve({ status, ...output })));
  }
}
