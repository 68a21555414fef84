/**
 * Tells one version of a file from the next without reading it: a package manager writes a new file, an editor changes
 * its time. The time of the last status change is left out, since a hard link made elsewhere changes it.
 */
import { statSync } from 'node:fs';

/** Undefined where there is no such file. */
export function fileStamp(fileName: string): string | undefined {
  const stat = statSync(fileName, { throwIfNoEntry: false });
  return stat && `${stat.mtimeMs} ${stat.ino} ${stat.size}`;
}
