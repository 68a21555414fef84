/**
 * A kernel under measurement. It starts when it is first needed; after a failure it is thrown away and the next
 * measure gets a new one. Times are what a front end sees: from the request until reply, `idle` and all of the output
 * have arrived.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import type { KernelSpec } from '../../../kernel/kernelspec.js';
import { type KernelClient, launchKernel } from '../../../kernel/protocol/client.js';
import { isOutput, type OutputMessage } from '../../../kernel/protocol/messages.js';
import { residentMemory } from '../../run/limits/memory-watch.js';
import type { Cell, Dialect } from './dialect.js';

/** This kernel has no figure for a measure, and why. */
export class NoFigure extends Error {
  override name = 'NoFigure';
}

export interface Ran {
  ms: number;
  ok: boolean;
  /** Printed and shown text, without colours. */
  text: string;
  /** The error, where there is one. */
  error: string;
}

export interface Introduction {
  implementation: string;
  language: string;
  protocol: string;
}

const firstCellMs = 60_000;
const cellMs = 20_000;
/** A cell that does not stop at the interrupt costs its kernel. */
const graceMs = 1_000;
/** Some kernels publish output after they have said that they are idle. */
const lateMs = 1_000;
const latePollMs = 1;

export class Subject {
  #client: KernelClient | undefined;
  #hasTensors = false;
  #count = 0;
  introduction: Introduction | undefined;

  constructor(
    readonly spec: KernelSpec,
    readonly dialect: Dialect,
    readonly launchOptions: { cwd: string; env: NodeJS.ProcessEnv },
  ) {}

  /** A number that no cell of this kernel has used for a name. */
  next(): number {
    return ++this.#count;
  }

  /** Starts the kernel unless it runs, up to its first result. */
  async open(): Promise<KernelClient> {
    if (this.#client) return this.#client;
    const client = await launchKernel(this.spec, { ...this.launchOptions, startTimeoutMs: firstCellMs });
    this.#client = client;
    const { implementation, implementation_version, language_info, protocol_version } = client.info;
    this.introduction = {
      implementation: `${implementation} ${implementation_version}`,
      language: `${language_info.name} ${language_info.version}`,
      protocol: protocol_version,
    };
    await this.cell(this.dialect.trivial, firstCellMs);
    return client;
  }

  /** Loads the tensor library, once per kernel. */
  async openTensors(): Promise<KernelClient> {
    const client = await this.open();
    if (!this.#hasTensors) await this.cell(this.dialect.tensorSetup, firstCellMs);
    this.#hasTensors = true;
    return client;
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#hasTensors = false;
    this.#count = 0;
    await client?.kill();
  }

  /** Runs a cell that must show its value. Returns milliseconds. */
  async cell({ code, shows }: Cell, limitMs = cellMs): Promise<number> {
    const isShown = (text: string) => text.split('\n').some((line) => unquoted(line.trim()) === shows);
    const ran = await this.run(code, isShown, limitMs);
    mustBeOk(ran);
    if (!isShown(ran.text))
      throw new NoFigure(`a cell should have shown ${shows}, it showed ${JSON.stringify(brief(ran.text))}`);
    return ran.ms;
  }

  /** Runs code until the kernel is idle and, for a moment longer if need be, `isAll` of what came is true. */
  async run(code: string, isAll: (text: string) => boolean, limitMs = cellMs): Promise<Ran> {
    const client = await this.open();
    const parts: string[] = [];
    const text = () => stripVTControlCharacters(parts.join(''));
    let error = '';
    let lastAt = 0;
    const off = client.onMessage((message) => {
      if (!isOutput(message)) return;
      lastAt = performance.now();
      parts.push(textOf(message));
      if (message.type === 'error') error = `${message.content.ename}: ${message.content.evalue}`;
    });
    try {
      const started = performance.now();
      const reply = await client.execute(code, { timeoutMs: limitMs, graceMs });
      const ended = performance.now();
      const ok = reply.status === 'ok';
      while (ok && !isAll(text()) && performance.now() < Math.max(ended, lastAt) + lateMs)
        await sleep(latePollMs);
      return { ms: Math.max(ended, lastAt) - started, ok, text: text(), error: error || brief(text()) };
    } catch (cause) {
      const count = parts.length;
      throw new NoFigure(
        `${(cause as Error).message.split('\n')[0]}${count > 0 ? ` (${count} outputs had come)` : ''}`,
      );
    } finally {
      off();
    }
  }

  /** A request that is no cell: some kernels never answer some of them. */
  async within<T>(request: Promise<T>): Promise<T> {
    const late = new AbortController();
    try {
      return await Promise.race([
        request,
        sleep(cellMs, undefined, { signal: late.signal }).then(() => {
          throw new NoFigure(`no answer within ${cellMs / 1000} s`);
        }),
      ]);
    } finally {
      late.abort();
    }
  }

  /** Bytes, of the kernel's process and all below it. */
  async memory(): Promise<number> {
    const { pid } = await this.open();
    if (pid === undefined) throw new NoFigure('the kernel has no process');
    const bytes = await residentMemory(pid);
    if (bytes === 0) throw new NoFigure('the system does not tell what memory a process has');
    return bytes;
  }
}

/** @throws NoFigure if the cell failed */
export function mustBeOk({ ok, error }: Ran): void {
  if (!ok) throw new NoFigure(`a cell failed: ${error}`);
}

function textOf(message: OutputMessage): string {
  if (message.type === 'stream') return message.content.text;
  if (message.type !== 'execute_result' && message.type !== 'display_data') return '';
  const plain = message.content.data['text/plain'];
  return typeof plain === 'string' ? plain : '';
}

/** A string is shown with the quotes of the kernel's taste. */
function unquoted(text: string): string {
  return text.replace(/^(['"])(.*)\1$/, '$2');
}

function brief(text: string): string {
  const line = text.trim().split('\n')[0] ?? '';
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
}
