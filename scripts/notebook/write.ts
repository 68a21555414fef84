/** Writes files, notebooks among them, atomically: a reader sees the old file or the new one, never a half. */
import { randomBytes } from 'node:crypto';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isRunning } from '../../kernel/protocol/process-running.js';
import type { Notebook } from './format.js';
import { KeptTexts } from './kept-texts.js';

export interface WriteOptions {
  /**
   * False leaves out the wait for the disk: the file still survives the end of every process, at any moment, but
   * after a power cut the old one may be back, or on some file systems an empty one.
   */
  durable?: boolean;
  /** Default: that of the file which is replaced, for a new one what the system gives. */
  mode?: number;
}

/**
 * Writes the notebook to `path`, making its folder when needed. Each call is atomic.
 * @param texts of the last save of the same notebook
 */
export async function writeNotebook(
  path: string,
  notebook: Notebook,
  options: WriteOptions = {},
  texts = new KeptTexts(0),
): Promise<void> {
  await writeFileAtomically(path, texts.pieces(notebook), options);
}

/** Temporary file in the same folder, fsync, rename: safe against crashes and full disks. */
export async function writeFileAtomically(
  path: string,
  content: string | Uint8Array | Iterable<string | Uint8Array>,
  { durable = true, mode }: WriteOptions = {},
): Promise<void> {
  const folder = dirname(path);
  const unique = `${process.pid}-${randomBytes(6).toString('hex')}`;
  const temporary = join(folder, `${temporaryPrefix(path)}${unique}.tmp`);
  try {
    const file = await openNew(temporary);
    try {
      const wanted = mode ?? (await modeOf(path));
      if (wanted !== undefined) await file.chmod(wanted);
      if (typeof content === 'string' || content instanceof Uint8Array) await writeFile(file, content);
      else await writePieces(file, content);
      if (durable) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // the folder may be gone or read-only by now
    throw error;
  }
}

/** Makes its folder where that is not there yet. */
async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o666);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(dirname(path), { recursive: true });
    return await open(path, 'wx', 0o666);
  }
}

/** Bytes that are written at once, about. */
const batchLength = 1 << 20;

async function writePieces(file: FileHandle, pieces: Iterable<string | Uint8Array>): Promise<void> {
  let batch: Uint8Array[] = [];
  let length = 0;
  for (const piece of pieces) {
    const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece;
    batch.push(bytes);
    length += bytes.length;
    if (length < batchLength) continue;
    await writeBatch(file, batch, length);
    batch = [];
    length = 0;
  }
  await writeBatch(file, batch, length);
}

async function writeBatch(file: FileHandle, batch: Uint8Array[], length: number): Promise<void> {
  if (length === 0) return;
  const { bytesWritten } = await file.writev(batch);
  // A disk that has become full takes a part without a word; the rest then says why.
  if (bytesWritten < length) await writeFile(file, Buffer.concat(batch).subarray(bytesWritten));
}

/** A file could not be written over; the message is one line that starts with its name. */
export class FileNotReplacedError extends Error {
  override readonly name = 'FileNotReplacedError';
}

/**
 * Writes a file that is somebody's own and not a result: a link stays a link, and what is read-only stays as it is,
 * although its folder would allow to replace it. Throws FileNotReplacedError.
 */
export async function replaceFile(path: string, content: string): Promise<void> {
  try {
    const found = await stat(path).catch(() => undefined);
    if (found && (found.mode & 0o222) === 0) throw new Error('it is read-only');
    await writeFileAtomically(found ? await realpath(path) : path, content);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FileNotReplacedError(`${path}: cannot be written: ${reason}`);
  }
}

async function modeOf(path: string): Promise<number | undefined> {
  const existing = await stat(path).catch(() => undefined);
  return existing?.isFile() ? existing.mode & 0o777 : undefined;
}

/** Removes what writers of `path` left behind that were killed while they wrote. */
export async function removeAbandoned(path: string): Promise<void> {
  const prefix = temporaryPrefix(path);
  const files = await readdir(dirname(path)).catch(() => []);
  for (const file of files) {
    const writer = file.startsWith(prefix) && /^(\d+)-[0-9a-f]{12}\.tmp$/.exec(file.slice(prefix.length));
    if (writer && !isRunning(Number(writer[1])))
      await rm(join(dirname(path), file), { force: true }).catch(() => {});
  }
}

function temporaryPrefix(path: string): string {
  return `.${basename(path)}.`;
}
