/** Tells one version of a file from the next without reading it. */
import { statSync } from 'node:fs';

/** Undefined where there is no such file. */
export function fileStamp(fileName: string): string | undefined {
  const stat = statSync(fileName, { throwIfNoEntry: false });
  return stat && `${stat.mtimeMs} ${stat.ctimeMs} ${stat.size}`;
}
