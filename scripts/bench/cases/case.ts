/**
 * What a case of `kernelbook bench gpu` is, and how its ways to compute the same are made. Conventions: float32, each input
 * read once and each output written once (nothing between kernels counts); a multiply-add is two operations; exp, sqrt
 * and a division count one.
 */
import { tf } from '../../../src/compute/tf.js';
import type { Work } from '../../../src/workbench/profile/index.js';

export interface BenchCase {
  /** Component and what is timed: `rmsNorm forward`, `rmsNorm forward + gradient`. */
  name: string;
  /** Which computation it is, for other libraries that run the same. */
  op: string;
  gradient: boolean;
  /** In the project's axis letters. */
  sizes: Record<string, number>;
  bytes: number;
  flops: number;
  fused: Work;
  composed: Work;
  /** The same as one writes it with tfjs alone, its gradient automatic; absent where that is no single formula. */
  plain?: Work;
  /** Frees the inputs. */
  dispose(): void;
}

export type Ways = Pick<BenchCase, 'fused' | 'composed' | 'plain' | 'dispose'>;

export type Path = 'fused' | 'composed';

/** Bytes of a float32 and of an int32. */
export const wordBytes = 4;

/** The two parts of a case that differ between forward and forward + gradient. */
export function named(op: string, gradient: boolean): Pick<BenchCase, 'name' | 'op' | 'gradient'> {
  return { name: `${op} forward${gradient ? ' + gradient' : ''}`, op, gradient };
}

/** `B 1, H 4, T 256`. */
export function shapeText(sizes: Record<string, number>): string {
  return Object.entries(sizes)
    .map(([axis, extent]) => `${axis} ${extent}`)
    .join(', ');
}

type Compute = (...inputs: tf.Tensor[]) => tf.Tensor;

/**
 * Ways to compute a value, and with `gradient` all gradients too, of the same inputs. `constants` are freed with them.
 */
export function ways(
  inputs: tf.Tensor[],
  outputShape: number[],
  gradient: boolean,
  value: (path: Path) => Compute,
  plain?: Compute,
  constants: tf.Tensor[] = [],
): Ways {
  const dy = gradient ? tf.randomNormal(outputShape) : undefined;
  const work = (f: Compute): Work => {
    if (!dy) return () => f(...inputs);
    const gradients = tf.grads(f);
    return () => gradients(inputs, dy);
  };
  return {
    fused: work(value('fused')),
    composed: work(value('composed')),
    ...(plain && { plain: work(plain) }),
    dispose: () => tf.dispose([...inputs, ...constants, ...(dy ? [dy] : [])]),
  };
}
