/** Begins to observe what the user's thread reaches, where the kernel was started for that. */
import { observeBeyond } from './beyond.js';
import { observeEnvironment } from './environment.js';
import { observeFiles } from './files.js';
import { Record } from './record.js';

/** Returns what is to be called when a cell has ended. */
export function observeReach(file: string): () => void {
  const record = new Record(file);
  observeFiles(record);
  observeEnvironment(record);
  return observeBeyond(record);
}
