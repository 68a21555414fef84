/** Runs one entry of the grid on the current backend and says how it differs from its reference. */
import { read } from '../../../src/compute/read.js';
import type { tf } from '../../../src/compute/tf.js';
import type { GridCase, Values } from './case.js';

const defaultTolerance = 2e-6;

/** @returns what differs, in words; undefined where nothing does */
export async function difference({
  run,
  expected,
  tolerance = defaultTolerance,
}: GridCase): Promise<string | undefined> {
  const right = [expected()].flat();
  const made: tf.Tensor[] = [];
  try {
    made.push(...[run()].flat());
    if (made.length !== right.length) return `${made.length} results, not ${right.length}`;
    for (const [n, result] of made.entries()) {
      const problem = await compare(result, right[n]!, tolerance);
      if (problem) return made.length > 1 ? `result ${n}: ${problem}` : problem;
    }
    return undefined;
  } catch (error) {
    return `threw ${(error as Error).message.split('\n')[0]}`;
  } finally {
    for (const result of made) result.dispose();
  }
}

async function compare(actual: tf.Tensor, right: Values, tolerance: number): Promise<string | undefined> {
  if (String(actual.shape) !== String(right.shape)) return `shape [${actual.shape}], not [${right.shape}]`;
  if (actual.dtype !== right.dtype) return `${actual.dtype}, not ${right.dtype}`;
  const data = await read(actual);
  if (data.length !== right.data.length) return `${data.length} elements, not ${right.data.length}`;
  const wrong = right.data.findIndex((value, n) => !close(data[n]!, Math.fround(value), tolerance));
  if (wrong < 0) return undefined;
  return `element ${wrong} is ${data[wrong]}, not ${Math.fround(right.data[wrong]!)}`;
}

function close(actual: number, right: number, tolerance: number): boolean {
  if (Number.isNaN(right) || !Number.isFinite(right)) return Object.is(actual, right);
  return Math.abs(actual - right) <= tolerance * Math.max(1, Math.abs(right));
}
