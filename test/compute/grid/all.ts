/** The whole grid. */
import type { GridCase } from './case.js';
import { binary, unary } from './elementwise.js';
import { picking } from './indexing.js';
import { einsteinSums, products } from './linear.js';
import { lineByLine, reduce } from './reductions.js';
import { rearranging } from './shapes.js';
import { signals } from './signals.js';
import { windows } from './windows.js';

export function* all(): Generator<GridCase> {
  yield* unary();
  yield* binary();
  yield* reduce();
  yield* lineByLine();
  yield* rearranging();
  yield* picking();
  yield* products();
  yield* einsteinSums();
  yield* windows();
  yield* signals();
}
