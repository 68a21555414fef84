/**
 * The history of all kernels of a user, on disk: a folder with one file per session, `000012.jsonl`. A session's number
 * is taken by creating the file exclusively, and only its own kernel writes to it, so kernels that run at once cannot
 * disturb each other. Records are appended one a line; a line that does not parse (a torn write) is skipped. They are
 * written a moment after they come, together, so that no cell waits for the disk.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { userDataDir } from '../kernelspec.js';
import { log } from '../log.js';

export interface HistoryRecord {
  line: number;
  input: string;
  output: string | null;
}

export interface HistoryLimits {
  /** Bytes of all sessions together; the oldest sessions go first. */
  totalBytes: number;
  /** Bytes of one session; its oldest cells go first. */
  sessionBytes: number;
}

const defaultLimits: HistoryLimits = { totalBytes: 16 * 1024 * 1024, sessionBytes: 2 * 1024 * 1024 };
/** So much history a kernel that is killed may lose. */
const writeDelayMs = 200;
const fileName = /^(\d{6,})\.jsonl$/;

/**
 * Where history is kept: `KERNELBOOK_HISTORY` names the folder or says `off`; by default it lies in the user's Jupyter
 * data folder. Undefined: nowhere.
 */
export function historyFolder(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const wanted = env.KERNELBOOK_HISTORY;
  if (wanted === 'off') return undefined;
  return wanted ? resolve(wanted) : join(userDataDir(env), 'kernelbook', 'history');
}

export class HistoryStore {
  #own: { session: number; file: number; bytes: number } | undefined;
  #failed = false;
  #waiting: { line: number; input?: string; output?: string }[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(
    readonly folder: string,
    readonly limits: HistoryLimits = defaultLimits,
  ) {}

  /** The number of this kernel's session; undefined until something was stored. */
  get session(): number | undefined {
    return this.#own?.session;
  }

  input(line: number, input: string): void {
    this.#append({ line, input });
  }

  output(line: number, output: string): void {
    this.#append({ line, output });
  }

  /** The numbers of the sessions on disk, ascending. */
  sessions(): number[] {
    try {
      return readdirSync(this.folder)
        .flatMap((name) => fileName.exec(name)?.[1] ?? [])
        .map(Number)
        .sort((a, b) => a - b);
    } catch {
      return []; // no folder yet, or one we may not read: there is no history to show
    }
  }

  read(session: number): HistoryRecord[] {
    let text: string;
    try {
      text = readFileSync(this.#path(session), 'utf8');
    } catch {
      return []; // removed meanwhile by a kernel that made room
    }
    const records = new Map<number, HistoryRecord>();
    for (const part of text.split('\n')) {
      const parsed = parseRecord(part);
      if (!parsed) continue;
      const { line, input, output } = parsed;
      const known = records.get(line);
      if (input !== undefined) records.set(line, { line, input, output: output ?? null });
      else if (known && output !== undefined) known.output = output;
    }
    return [...records.values()];
  }

  #append(record: { line: number; input?: string; output?: string }): void {
    if (this.#failed) return;
    this.#waiting.push(record);
    this.#timer ??= setTimeout(() => this.flush(), writeDelayMs);
  }

  /** Writes what waits. A disk that is full or not ours to write costs the history, never a cell. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const records = this.#waiting;
    this.#waiting = [];
    if (records.length === 0 || this.#failed) return;
    try {
      const own = this.#ownSession();
      // The newline comes first: what follows a torn record is still a line of its own.
      const bytes = Buffer.from(records.map((record) => `\n${JSON.stringify(record)}`).join(''));
      own.bytes += bytes.length;
      writeSync(own.file, bytes);
      if (own.bytes > this.limits.sessionBytes) this.#compact(own);
    } catch (error) {
      this.#failed = true;
      log(`history is no longer written to ${this.folder}: ${(error as Error).message}`);
    }
  }

  #ownSession(): { session: number; file: number; bytes: number } {
    if (this.#own) return this.#own;
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    this.#makeRoom();
    for (let session = (this.sessions().at(-1) ?? 0) + 1; ; session++) {
      try {
        this.#own = { session, file: openSync(this.#path(session), 'ax', 0o600), bytes: 0 };
        return this.#own;
      } catch (error) {
        // Another kernel took the number in this moment.
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }

  #makeRoom(): void {
    const files = this.sessions().map((session) => ({ session, bytes: this.#size(session) }));
    let total = files.reduce((sum, { bytes }) => sum + bytes, this.limits.sessionBytes);
    // The newest stays, so that numbers only grow.
    for (const { session, bytes } of files.slice(0, -1)) {
      if (total <= this.limits.totalBytes) return;
      rmSync(this.#path(session), { force: true });
      total -= bytes;
    }
  }

  /** Rewrites this session's file with its newest cells, half of what it may hold. */
  #compact(own: { session: number; file: number; bytes: number }): void {
    const kept: string[] = [];
    let bytes = 0;
    for (const record of this.read(own.session).reverse()) {
      const text = `\n${JSON.stringify(record)}`;
      bytes += Buffer.byteLength(text);
      if (bytes > this.limits.sessionBytes / 2) break;
      kept.push(text);
    }
    const path = this.#path(own.session);
    const fresh = `${path}.new`;
    writeFileSync(fresh, kept.reverse().join(''), { mode: 0o600 });
    renameSync(fresh, path);
    closeSync(own.file);
    own.file = openSync(path, 'a', 0o600);
    own.bytes = this.#size(own.session);
  }

  #size(session: number): number {
    return statSync(this.#path(session), { throwIfNoEntry: false })?.size ?? 0;
  }

  #path(session: number): string {
    return join(this.folder, `${String(session).padStart(6, '0')}.jsonl`);
  }
}

function parseRecord(text: string): { line: number; input?: string; output?: string } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { line, input, output } = (value ?? {}) as Record<string, unknown>;
  if (typeof line !== 'number' || !Number.isSafeInteger(line)) return undefined;
  return {
    line,
    ...(typeof input === 'string' ? { input } : {}),
    ...(typeof output === 'string' ? { output } : {}),
  };
}
