/** The kernel's own log: one line on the process's stderr, written at once, from any thread. */
import { writeSync } from 'node:fs';

export function log(text: string): void {
  try {
    writeSync(2, `kernelbook kernel: ${text}\n`);
  } catch {
    // A closed or full pipe must not stop the kernel.
  }
}
