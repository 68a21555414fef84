/** What the runner's tests share: small notebooks in a folder of their own, and the command line as it is shipped. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseNotebook } from '../../scripts/notebook/read.js';
import { serializeNotebook } from '../../scripts/notebook/write.js';

const main = fileURLToPath(new URL('../../dist/scripts/main.js', import.meta.url));

export interface Finished {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** A folder for one suite, with what the tests do in it. */
export class Workplace {
  private constructor(readonly folder: string) {}

  static async create(): Promise<Workplace> {
    return new Workplace(await mkdtemp(join(tmpdir(), 'kernelbook-run-')));
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

  /** Writes a notebook of code cells: sources, or sources with tags. */
  async notebook(file: string, kernel: string, cells: (string | [string, ...string[]])[]): Promise<void> {
    const document = {
      nbformat: 4,
      nbformat_minor: 5,
      metadata: { kernelspec: { name: kernel, display_name: kernel } },
      cells: cells.map((cell, index) => {
        const [source, ...tags] = typeof cell === 'string' ? [cell] : cell;
        return {
          cell_type: 'code',
          id: `cell-${index + 1}`,
          metadata: { tags },
          source,
          execution_count: null,
          outputs: [],
        };
      }),
    };
    await this.write(file, serializeNotebook(parseNotebook(JSON.stringify(document))));
  }

  /** Runs `kernelbook ...` in the folder; `started` gets the process id. */
  kernelbook(args: string[], started?: (pid: number) => void): Promise<Finished> {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: this.folder,
      env: { ...process.env, KERNELBOOK_BACKEND: 'cpu', NO_COLOR: '1' },
    });
    if (child.pid !== undefined) started?.(child.pid);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    return new Promise((resolve) => child.once('close', (status) => resolve({ status, stdout, stderr })));
  }
}
