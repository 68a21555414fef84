/** LoRA, DoRA and (IA)^3 in float64 with plain loops; they share no code with what they check. */
import { type NdArray, ndarray } from '../../compute/ndarray.js';

export interface LoraArrays {
  /** [r, in] */
  a: NdArray;
  /** [out, r] */
  b: NdArray;
  /** [out], of DoRA. */
  magnitude?: NdArray;
}

/** W + s B A, [out, in]. */
export function mergeLoraOracle(weight: NdArray, { a, b }: LoraArrays, scale: number): NdArray {
  const [out, inner] = weight.shape as [number, number];
  const rank = a.shape[0]!;
  const merged = ndarray(weight.shape);
  for (let o = 0; o < out; o++) {
    for (let i = 0; i < inner; i++) {
      let sum = 0;
      for (let r = 0; r < rank; r++) sum += b.data[o * rank + r]! * a.data[r * inner + i]!;
      merged.data[o * inner + i] = weight.data[o * inner + i]! + scale * sum;
    }
  }
  return merged;
}

/** |V| of each row. */
export function rowNormsOracle(weight: NdArray): NdArray {
  const [out, inner] = weight.shape as [number, number];
  const norms = ndarray([out]);
  for (let o = 0; o < out; o++)
    norms.data[o] = Math.hypot(...weight.data.subarray(o * inner, (o + 1) * inner));
  return norms;
}

/** m V / |V| with V = W + s B A. */
export function mergeDoraOracle(weight: NdArray, factors: LoraArrays, scale: number): NdArray {
  const direction = mergeLoraOracle(weight, factors, scale);
  const lengths = rowNormsOracle(direction);
  const inner = weight.shape[1]!;
  const merged = ndarray(weight.shape);
  direction.data.forEach((v, n) => {
    const o = Math.floor(n / inner);
    merged.data[n] = (factors.magnitude!.data[o]! * v) / lengths.data[o]!;
  });
  return merged;
}

/** x W^T + b for x [..., in]. */
export function linearOracle(x: NdArray, weight: NdArray, bias?: NdArray): NdArray {
  const [out, inner] = weight.shape as [number, number];
  const y = ndarray([...x.shape.slice(0, -1), out]);
  y.data.forEach((_, n) => {
    const [row, o] = [Math.floor(n / out), n % out];
    let sum = bias?.data[o] ?? 0;
    for (let i = 0; i < inner; i++) sum += x.data[row * inner + i]! * weight.data[o * inner + i]!;
    y.data[n] = sum;
  });
  return y;
}

/** x W^T + s (x A^T) B^T + b. */
export function loraLinearOracle(
  x: NdArray,
  weight: NdArray,
  { a, b }: LoraArrays,
  scale: number,
  bias?: NdArray,
): NdArray {
  const low = linearOracle(linearOracle(x, a), b);
  const y = linearOracle(x, weight, bias);
  return ndarray(
    y.shape,
    y.data.map((value, n) => value + scale * low.data[n]!),
  );
}

/**
 * x W'^T + b with DoRA's W'.
 * @param norms |V|, which the gradient takes for constants; default those of V = W + s B A
 */
export function doraLinearOracle(
  x: NdArray,
  weight: NdArray,
  factors: LoraArrays,
  scale: number,
  bias?: NdArray,
  norms = rowNormsOracle(mergeLoraOracle(weight, factors, scale)),
): NdArray {
  const y = loraLinearOracle(x, weight, factors, scale);
  const out = norms.data.length;
  return ndarray(
    y.shape,
    y.data.map((value, n) => {
      const o = n % out;
      return (value * factors.magnitude!.data[o]!) / norms.data[o]! + (bias?.data[o] ?? 0);
    }),
  );
}

/** l * (x W^T + b), or (l * x) W^T + b. */
export function ia3LinearOracle(
  x: NdArray,
  weight: NdArray,
  l: NdArray,
  isFeedForward: boolean,
  bias?: NdArray,
): NdArray {
  const scaled = (y: NdArray) =>
    ndarray(
      y.shape,
      y.data.map((value, n) => value * l.data[n % l.data.length]!),
    );
  return isFeedForward ? linearOracle(scaled(x), weight, bias) : scaled(linearOracle(x, weight, bias));
}
