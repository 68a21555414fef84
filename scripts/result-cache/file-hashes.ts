/** Hashes of files by their content. A file is read once, and again when its stamp says that it is another version. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileStamp } from '../../kernel/language/file-stamp.js';

export class FileHashes {
  readonly #known = new Map<string, { stamp: string; hash: string }>();

  /** Undefined where there is no such file, or none that we may read. */
  file(path: string): string | undefined {
    try {
      const stamp = fileStamp(path);
      if (stamp === undefined) return undefined;
      const known = this.#known.get(path);
      if (known?.stamp === stamp) return known.hash;
      const hash = sha256(readFileSync(path));
      this.#known.set(path, { stamp, hash });
      return hash;
    } catch {
      return undefined;
    }
  }

  /** The same of a file that may be of any size: beyond what is worth reading, its stamp stands for its content. */
  content(path: string, mostBytes: number): string | undefined {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    return size <= mostBytes ? this.file(path) : fileStamp(path);
  }

  /** The hash of a file, or of a folder with all that lies in it and is wanted; undefined where there is neither. */
  tree(path: string, wanted: (name: string) => boolean = () => true): string | undefined {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return this.file(path);
    const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter(wanted).sort();
    return sha256(JSON.stringify(names.map((name) => [name, this.file(join(path, name))])));
  }
}

export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
