/** Error bounds of the fine-tuning methods: their formulas in bounded arithmetic that is differentiated (`tape.ts`). */
import { type NdArray, ndarray, sizeOf } from '../../../compute/ndarray.js';
import { unitRoundoff as u } from '../../verify/bounds.js';
import {
  add,
  type Bounded,
  divide,
  exact,
  map,
  matmul,
  multiply,
  reshape,
  scaleBy,
  sumLast,
  transposeLast,
} from '../running-error.js';
import { type BoundedActivation, boundedActivation } from './activation.js';
import {
  affine,
  applied,
  gradients,
  leaf,
  part,
  permuted,
  plus,
  product,
  type Recorded,
  reshaped,
  scaled,
  spreadTo,
  times,
  together,
} from './tape.js';

export type Arrays = Readonly<Record<string, NdArray | undefined>>;

export interface MethodErrors {
  out: Record<string, Bounded>;
  grad: Record<string, Bounded | undefined>;
}

/** Runs a formula on recorded inputs, and back from its cotangents. */
export function methodErrors(
  inputs: Arrays,
  cotangents: Arrays,
  formula: (inputs: Record<string, Recorded>) => Record<string, Recorded>,
): MethodErrors {
  const given = Object.entries(inputs).filter((entry): entry is [string, NdArray] => entry[1] !== undefined);
  const leaves = Object.fromEntries(given.map(([name, array]) => [name, leaf(array)]));
  const out = formula(leaves);
  const names = Object.keys(leaves);
  const pairs = Object.entries(out).map(([name, node]) => [node, cotangents[name]] as const);
  const found = gradients(
    pairs,
    names.map((name) => leaves[name]!),
  );
  return { out, grad: Object.fromEntries(names.map((name, n) => [name, found[n]])) };
}

/** The rows of x [..., in] through `map`, in the shape of x again but for the last axis. */
export function onRows(x: Recorded, compute: (rows: Recorded) => Recorded): Recorded {
  const { shape } = x.value;
  const y = compute(reshaped(x, [sizeOf(shape.slice(0, -1)), shape.at(-1)!]));
  return reshaped(y, [...shape.slice(0, -1), y.value.shape[1]!]);
}

/** s (x A^T) B^T. */
export function loraTerm(x: Recorded, { a, b }: Record<string, Recorded>, scale: number): Recorded {
  return scaled(affine(affine(x, a!), b!), scale);
}

/** W + s B A. */
export function loraWeight(w: Bounded, a: Bounded, b: Bounded, scale: number): Bounded {
  return add(w, scaleBy(matmul(b, a), scale));
}

/** m / |V| by rows, [out], |V| without gradient. */
export function doraGain(magnitude: Recorded, direction: Bounded): Recorded {
  const squares = sumLast(multiply(direction, direction));
  const norms = reshape(map(squares, root), magnitude.value.shape);
  const inverse = divide(exact(ndarray([1], [1])), norms);
  // One division stands for the reciprocal and the product; both are charged.
  return product(magnitude, leaf(inverse));
}

function root(x: number, e: number): [number, number] {
  const y = Math.sqrt(x);
  return [y, x > 0 ? e / (2 * y) + 4 * u * y : Math.sqrt(e)];
}

export function loraErrors(inputs: Arrays, cotangents: Arrays, scale: number): MethodErrors {
  return methodErrors(inputs, cotangents, ({ x, w, bias, ...factors }) => ({
    out: onRows(x!, (rows) => {
      const sum = plus(affine(rows, w!), loraTerm(rows, factors, scale));
      return bias ? plus(sum, bias) : sum;
    }),
  }));
}

export function doraErrors(inputs: Arrays, cotangents: Arrays, scale: number): MethodErrors {
  return methodErrors(inputs, cotangents, ({ x, w, bias, magnitude, ...factors }) => {
    const gain = doraGain(magnitude!, loraWeight(w!, factors.a!, factors.b!, scale));
    return {
      out: onRows(x!, (rows) => {
        const y = product(plus(affine(rows, w!), loraTerm(rows, factors, scale)), gain);
        return bias ? plus(y, bias) : y;
      }),
    };
  });
}

/** W merged, of LoRA or, with a magnitude, of DoRA. */
export function mergedErrors({ w, a, b, magnitude }: Arrays, scale: number): Bounded {
  const direction = loraWeight(exact(w!), exact(a!), exact(b!), scale);
  if (!magnitude) return direction;
  const gain = doraGain(leaf(magnitude), direction);
  return multiply(direction, reshape(gain, [magnitude.shape[0]!, 1]));
}

export function ia3Errors(inputs: Arrays, cotangents: Arrays, isFeedForward: boolean): MethodErrors {
  return methodErrors(inputs, cotangents, ({ x, w, l, bias }) => ({
    out: onRows(x!, (rows) =>
      isFeedForward ? affine(product(rows, l!), w!, bias) : product(affine(rows, w!, bias), l!),
    ),
  }));
}

const relu = boundedActivation('relu');

export function adapterErrors(inputs: Arrays, cotangents: Arrays): MethodErrors {
  return methodErrors(inputs, cotangents, ({ x, wDown, bDown, wUp, bUp }) => ({
    out: onRows(x!, (rows) => plus(rows, affine(applied(affine(rows, wDown!, bDown), relu), wUp!, bUp))),
  }));
}

/** The rows of a table [V,C] that ids [B,T] name, behind the prompt. */
export function promptErrors({ prompt, embedding, ids }: Arrays, cotangents: Arrays): MethodErrors {
  const [B, T] = ids!.shape as [number, number];
  const V = embedding!.shape[0]!;
  const onehot = ndarray([B * T, V]);
  ids!.data.forEach((id, n) => {
    onehot.data[n * V + id] = 1;
  });
  return methodErrors({ prompt, embedding }, cotangents, (given) => {
    const [P, C] = prompt!.shape as [number, number];
    const front = spreadTo(reshaped(given.prompt!, [1, P, C]), [B, P, C]);
    return { out: together([front, reshaped(gathered(leaf(onehot), given.embedding!), [B, T, C])], 1) };
  });
}

/** The rows that `onehot` names: copied, so that only the gradient, a sum, is rounded. */
function gathered(onehot: Recorded, table: Recorded): Recorded {
  const { value } = times(onehot, table);
  return { ...exact(value), back: [{ of: table, gradient: (d) => matmul(transposeLast(onehot), d) }] };
}

/** tanh x and 1 - tanh^2 x, by way of exp(-2|x|) at worst. */
export const boundedTanh: BoundedActivation = {
  value: (x) =>
    map(x, (at, e) => [Math.tanh(at), Math.min(2, (1 - Math.tanh(at) ** 2) * e + e ** 2 + tanhError(at))]),
  derivative: (x) =>
    map(x, (at, e) => {
      const y = Math.tanh(at);
      const ey = (1 - y ** 2) * e + e ** 2 + tanhError(at);
      return [1 - y ** 2, 2 * Math.abs(y) * ey + ey ** 2 + 3 * u];
    }),
};

/**
 * Of (1 - e) / (1 + e) with e = exp(-2|x|): the exponential's 3 + 2|2x| ULP and three roundings, absolute errors near 0
 * because 1 - e cancels there.
 */
function tanhError(x: number): number {
  const e = Math.exp(-2 * Math.abs(x));
  return (2 * e * 2 * u * (4 + 4 * Math.abs(x))) / (1 + e) ** 2 + 6 * u;
}

export function prefixErrors(
  inputs: Arrays,
  cotangents: Arrays,
  { layers: L, heads: K, batch: B }: { layers: number; heads: number; batch: number },
): MethodErrors {
  return methodErrors(inputs, cotangents, ({ embedding, w0, b0, w1, b1 }) => {
    const all = w0 ? affine(applied(affine(embedding!, w0, b0), boundedTanh), w1!, b1) : embedding!;
    const [P, width] = all.value.shape as [number, number];
    const D = width / (2 * L * K);
    const pairs = reshaped(permuted(reshaped(all, [P, 2 * L, K, D]), [1, 2, 0, 3]), [L, 2, 1, K, P, D]);
    const side = (which: number) => {
      const own = reshaped(part(pairs, 1, which, 1), [L, 1, K, P, D]);
      return spreadTo(own, [L, B, K, P, D]);
    };
    return { keys: side(0), values: side(1) };
  });
}

const gate = boundedActivation('sigmoid');

/** PyTorch's names: weight_ih_l0, weight_ih_l0_reverse and so on. */
function lstm(x: Recorded, weights: Record<string, Recorded>, layers: number): Recorded {
  let input = x;
  for (let layer = 0; layer < layers; layer++) {
    const sides = ['', '_reverse'].map((end) => {
      const weight = (name: string) => weights[`${name}_l${layer}${end}`]!;
      const H = weight('weight_hh').value.shape[1]!;
      const T = input.value.shape[0]!;
      const projected = affine(input, weight('weight_ih'), weight('bias_ih'));
      let [h, c] = [leaf(ndarray([1, H])), leaf(ndarray([1, H]))];
      const rows: Recorded[] = [];
      for (let step = 0; step < T; step++) {
        const at = end ? T - 1 - step : step;
        const all = plus(part(projected, 0, at, 1), affine(h, weight('weight_hh'), weight('bias_hh')));
        const of = (n: number) => part(all, 1, n * H, H);
        const kept = product(applied(of(1), gate), c);
        c = plus(kept, product(applied(of(0), gate), applied(of(2), boundedTanh)));
        h = product(applied(of(3), gate), applied(c, boundedTanh));
        rows[at] = h;
      }
      return together(rows, 0);
    });
    input = together(sides, 1);
  }
  return input;
}

/** @param layers of the LSTM in front of the MLP w0 b0, w1 b1, ...; 0 for none */
export function promptEncoderErrors(inputs: Arrays, cotangents: Arrays, layers: number): MethodErrors {
  return methodErrors(inputs, cotangents, ({ embedding, ...weights }) => {
    let x = lstm(embedding!, weights, layers);
    for (let n = 0; weights[`w${n}`]; n++) {
      x = affine(n === 0 ? x : applied(x, relu), weights[`w${n}`]!, weights[`b${n}`]);
    }
    return { out: x };
  });
}
