/**
 * Bounded arithmetic that is differentiated: operations are recorded as they run, and `gradients` goes back through them,
 * each step with the error of its own rounding (`running-error.ts`). Right for float32 gradients computed by the chain rule
 * through the same operations, whatever the order of sums.
 */
import { type NdArray, ndarray, sizeOf } from '../../../compute/ndarray.js';
import {
  add,
  type Bounded,
  exact,
  map,
  matmul,
  multiply,
  permute,
  reshape,
  scaleBy,
  sumLast,
  transposeLast,
} from '../running-error.js';
import type { BoundedActivation } from './activation.js';

export interface Recorded extends Bounded {
  /** Gradients with respect to the parents, given that of this. */
  readonly back: readonly { of: Recorded; gradient: (d: Bounded) => Bounded }[];
}

function recorded(result: Bounded, back: Recorded['back'] = []): Recorded {
  return { value: result.value, error: result.error, back };
}

/** A constant or an input. */
export function leaf(value: NdArray | Bounded): Recorded {
  return recorded('data' in value ? exact(value) : value);
}

/** a b for a [m,n], b [n,p]. */
export function times(a: Recorded, b: Recorded): Recorded {
  return recorded(matmul(a, b), [
    { of: a, gradient: (d) => matmul(d, transposeLast(b)) },
    { of: b, gradient: (d) => matmul(transposeLast(a), d) },
  ]);
}

export function transposed(a: Recorded): Recorded {
  return recorded(transposeLast(a), [{ of: a, gradient: transposeLast }]);
}

/** x W^T + b. */
export function affine(x: Recorded, weight: Recorded, bias?: Recorded): Recorded {
  const product = times(x, transposed(weight));
  return bias ? plus(product, bias) : product;
}

export function plus(a: Recorded, b: Recorded): Recorded {
  return recorded(add(a, b), [
    { of: a, gradient: (d) => sumTo(d, a.value.shape) },
    { of: b, gradient: (d) => sumTo(d, b.value.shape) },
  ]);
}

export function product(a: Recorded, b: Recorded): Recorded {
  return recorded(multiply(a, b), [
    { of: a, gradient: (d) => sumTo(multiply(d, b), a.value.shape) },
    { of: b, gradient: (d) => sumTo(multiply(d, a), b.value.shape) },
  ]);
}

export function scaled(a: Recorded, factor: number): Recorded {
  return recorded(scaleBy(a, factor), [{ of: a, gradient: (d) => scaleBy(d, factor) }]);
}

export function applied(a: Recorded, { value, derivative }: BoundedActivation): Recorded {
  return recorded(value(a), [{ of: a, gradient: (d) => multiply(d, derivative(a)) }]);
}

export function reshaped(a: Recorded, shape: readonly number[]): Recorded {
  return recorded(reshape(a, shape), [{ of: a, gradient: (d) => reshape(d, a.value.shape) }]);
}

export function permuted(a: Recorded, axes: readonly number[]): Recorded {
  const inverse = axes.map((_, axis) => axes.indexOf(axis));
  return recorded(permute(a, axes), [{ of: a, gradient: (d) => permute(d, inverse) }]);
}

export function part(a: Recorded, axis: number, start: number, size: number): Recorded {
  const shape = a.value.shape;
  return recorded(cut(a, axis, start, size), [
    {
      of: a,
      gradient: (d) => {
        const zeros = (extent: number) => exact(ndarray(shape.with(axis, extent)));
        return joined([zeros(start), d, zeros(shape[axis]! - start - size)], axis);
      },
    },
  ]);
}

export function together(parts: readonly Recorded[], axis: number): Recorded {
  let start = 0;
  return recorded(
    joined(parts, axis),
    parts.map((of) => {
      const [from, size] = [start, of.value.shape[axis]!];
      start += size;
      return { of, gradient: (d: Bounded) => cut(d, axis, from, size) };
    }),
  );
}

/** Broadcasting to a larger shape. */
export function spreadTo(a: Recorded, shape: readonly number[]): Recorded {
  const zero = exact(ndarray(shape));
  const value = add(a, zero).value;
  const error = multiply(
    { value: a.error, error: ndarray(a.error.shape) },
    map(zero, () => [1, 0]),
  ).value;
  return recorded({ value, error }, [{ of: a, gradient: (d) => sumTo(d, a.value.shape) }]);
}

/**
 * Gradients of the sum over outputs of sum(cotangent * output), one per input.
 * @param outputs with their cotangents; those without one are left out
 */
export function gradients(
  outputs: readonly (readonly [Recorded, NdArray | undefined])[],
  inputs: readonly Recorded[],
): (Bounded | undefined)[] {
  const found = new Map<Recorded, Bounded>();
  const give = (node: Recorded, d: Bounded) => {
    const before = found.get(node);
    found.set(node, before ? add(before, d) : d);
  };
  for (const [node, cotangent] of outputs) if (cotangent) give(node, exact(cotangent));
  for (const node of lastFirst(outputs.map(([output]) => output))) {
    const d = found.get(node);
    if (d) for (const { of, gradient } of node.back) give(of, gradient(d));
  }
  return inputs.map((input) => found.get(input));
}

/** Every node before the nodes it was computed from. */
function lastFirst(outputs: readonly Recorded[]): Recorded[] {
  const order: Recorded[] = [];
  const seen = new Set<Recorded>();
  const visit = (node: Recorded) => {
    if (seen.has(node)) return;
    seen.add(node);
    for (const { of } of node.back) visit(of);
    order.push(node);
  };
  outputs.forEach(visit);
  return order.reverse();
}

/** Sums over the axes along which `shape` was broadcast. */
export function sumTo(d: Bounded, shape: readonly number[]): Bounded {
  const lead = d.value.shape.length - shape.length;
  const axes = d.value.shape.map((_, axis) => axis);
  const summed = axes.filter((axis) => axis < lead || shape[axis - lead] !== d.value.shape[axis]);
  if (summed.length === 0) return reshape(d, shape);
  const kept = axes.filter((axis) => !summed.includes(axis));
  const sizes = (list: readonly number[]) => sizeOf(list.map((axis) => d.value.shape[axis]!));
  const rows = reshape(permute(d, [...kept, ...summed]), [sizes(kept), sizes(summed)]);
  return reshape(sumLast(rows), shape);
}

/** `size` entries of `axis` from `start`. */
export function cut(a: Bounded, axis: number, start: number, size: number): Bounded {
  const { shape } = a.value;
  const [inner, extent] = [sizeOf(shape.slice(axis + 1)), shape[axis]!];
  const take = (from: NdArray) => {
    const to = ndarray(shape.with(axis, size));
    for (let outer = 0; outer < sizeOf(shape.slice(0, axis)); outer++) {
      const first = (outer * extent + start) * inner;
      to.data.set(from.data.subarray(first, first + size * inner), outer * size * inner);
    }
    return to;
  };
  return { value: take(a.value), error: take(a.error) };
}

/** One behind the other along `axis`. */
export function joined(parts: readonly Bounded[], axis: number): Bounded {
  const first = parts[0]!.value.shape;
  const extent = parts.reduce((sum, { value }) => sum + value.shape[axis]!, 0);
  const inner = sizeOf(first.slice(axis + 1));
  const join = (of: (bounded: Bounded) => NdArray) => {
    const to = ndarray(first.with(axis, extent));
    let at = 0;
    for (let outer = 0; outer < sizeOf(first.slice(0, axis)); outer++) {
      for (const bounded of parts) {
        const run = bounded.value.shape[axis]! * inner;
        to.data.set(of(bounded).data.subarray(outer * run, (outer + 1) * run), at);
        at += run;
      }
    }
    return to;
  };
  return { value: join((bounded) => bounded.value), error: join((bounded) => bounded.error) };
}
