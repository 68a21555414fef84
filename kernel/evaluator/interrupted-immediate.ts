/**
 * Node's queue of immediates after one of them was terminated. A termination skips the `finally` by which Node goes on to
 * the next one: where others ran before it in this turn, Node would trip over it again and again, for ever; where it was the
 * first, those behind it would be forgotten. Called in the paused thread, before the termination. The fields are not public
 * API; they are those of Node 20, and `test/kernel/interrupt.test.ts` fails for both cases where they are others.
 */
import { setImmediate } from 'node:timers';

interface QueuedImmediate {
  _onImmediate: (() => void) | null;
  _destroyed: boolean;
  _idlePrev: QueuedImmediate | null;
  _idleNext: QueuedImmediate | null;
}

/** @param resource what the thread runs on behalf of (`executionAsyncResource`) */
export function repairImmediates(resource: object): void {
  if (!isRunning(resource)) return;
  if (resource._idlePrev) runOnceMore(resource);
  else if (resource._idleNext) queueAgain(resource._idleNext);
}

function isRunning(resource: object): resource is QueuedImmediate {
  const { _onImmediate: run, _destroyed: begun } = resource as Partial<QueuedImmediate>;
  return typeof run === 'function' && begun === true;
}

/** It is still what Node continues with: it is made to do nothing there, and counted as one more. */
function runOnceMore(immediate: QueuedImmediate): void {
  immediate._destroyed = false;
  immediate._onImmediate = nothing;
  const [first, counted, last] = [newImmediate(), setImmediate(nothing), newImmediate()];
  counted.unref();
  link(first, last);
}

/** Puts those that wait behind it into the queue of the next turn. */
function queueAgain(waiting: QueuedImmediate): void {
  const [first, last] = [newImmediate(), newImmediate()];
  let end = waiting;
  while (end._idleNext) end = end._idleNext;
  link(first, waiting);
  link(end, last);
}

function newImmediate(): QueuedImmediate {
  return setImmediate(nothing) as unknown as QueuedImmediate;
}

function link(before: QueuedImmediate, after: QueuedImmediate): void {
  before._idleNext = after;
  after._idlePrev = before;
}

function nothing(): void {}
