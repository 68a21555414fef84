/**
 * The kernel's own log: one line on the process's stderr, written at once, from any thread. A flood of lines (of
 * malformed messages, say) would fill what reads them: after `burst` lines there is one every `restMs`, with the
 * number of those left out.
 */
import { writeSync } from 'node:fs';

const burst = 20;
const restMs = 5_000;

/** As it is now: for cells, descriptor 2 will mean another one (`evaluator/inherited-output.ts`). */
const writeNow = writeSync;

let left = burst;
let leftOut = 0;
let latest = '';
let rest: NodeJS.Timeout | undefined;

export function log(text: string): void {
  rest ??= setInterval(refill, restMs).unref();
  if (left > 0) {
    left--;
    write(text);
  } else {
    leftOut++;
    latest = text;
  }
}

/** Writes what is held back: at the end of the process, and now and then before it. */
export function flushLog(): void {
  if (leftOut === 1) write(latest);
  else if (leftOut > 1) write(`${leftOut} more lines were left out, the last: ${latest}`);
  leftOut = 0;
}

/** After a flood, lines are held back until there was a quiet period. */
function refill(): void {
  if (leftOut === 0) {
    left = burst;
    clearInterval(rest);
    rest = undefined;
  }
  flushLog();
}

function write(text: string): void {
  try {
    writeNow(2, `kernelbook kernel: ${text}\n`);
  } catch {
    // A closed or full pipe must not stop the kernel.
  }
}
