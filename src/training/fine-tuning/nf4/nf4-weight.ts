/**
 * A frozen weight in NF4 that stands where a float32 weight is expected: half a byte per number and one scale per 64. Only x
 * gets a gradient, which is what adapters in front of it and behind it need (QLoRA).
 */

import { withGradient } from '../../../compute/gradient.js';
import { sizeOf } from '../../../compute/ndarray.js';
import { choosePath, type KernelPath } from '../../../compute/path.js';
import { read } from '../../../compute/read.js';
import { requireFloat32, shown } from '../../../compute/shapes.js';
import { tf } from '../../../compute/tf.js';
import type { LinearLayer } from '../../../layers/linear/linear.js';
import { decodeNf4, type Nf4Tensors } from './nf4-decode.wgsl.js';
import { dynamicMap, nf4Block, nf4Values, quantizeNf4, quantizeScales, scaleBlock } from './nf4-format.js';
import { type Nf4Attributes, nf4Kernel, runNf4Matmul } from './nf4-matmul.wgsl.js';

export interface Nf4Options {
  /** The scales in one byte each, and one scale per 256 of them. Default false. */
  doubleQuantization?: boolean;
  path?: KernelPath;
}

export class Nf4Weight implements LinearLayer {
  readonly rank = 2;
  readonly dtype = 'float32';
  private readonly tensors: Nf4Tensors;
  private readonly offset: number;
  private readonly double: boolean;

  /**
   * @param weight [out, in]
   * @throws RangeError when it has not two axes, or a number is not finite.
   */
  static async of(weight: tf.Tensor, options: Nf4Options = {}): Promise<Nf4Weight> {
    requireFloat32('Nf4Weight', { weight });
    return new Nf4Weight(weight.shape, await read(weight), options);
  }

  /** @param shape [out, in] @param data row by row */
  constructor(
    readonly shape: number[],
    data: ArrayLike<number>,
    private readonly options: Nf4Options = {},
  ) {
    if (shape.length !== 2 || data.length !== sizeOf(shape) || data.length === 0) {
      throw new RangeError(`Nf4Weight: needs a weight [out, in] that is not empty, got ${shown(shape)}`);
    }
    const { codes, scales } = quantizeNf4({ shape, data });
    this.double = options.doubleQuantization ?? false;
    const outer = this.double ? quantizeScales(scales) : undefined;
    this.offset = outer?.offset ?? 0;
    this.tensors = {
      codes: tf.keep(tf.tensor1d(codes, 'int32')),
      scales: tf.keep(tf.tensor1d(outer?.scales ?? scales)),
      scaleCodes: tf.keep(tf.tensor1d(outer?.codes ?? new Int32Array(1), 'int32')),
      map: tf.keep(tf.tensor1d(outer ? [...dynamicMap] : [0])),
    };
  }

  /** Of what is kept: n / 2 for the codes; 4 per scale, or 1 per scale, 4 per 256 of them and the map in double quantisation. */
  get bytes(): number {
    return Object.values(this.tensors).reduce((sum: number, { size }: tf.Tensor) => sum + 4 * size, 0);
  }

  /** x W^T + b with W dequantised, differentiable in x and b. @param x [..., in], float32 */
  apply(x: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
    const [out, inner] = this.shape as [number, number];
    if (x.rank < 1 || x.shape.at(-1) !== inner) {
      throw new RangeError(
        `Nf4Weight: x must be [..., in] for a weight ${shown(this.shape)}, got ${shown(x.shape)}`,
      );
    }
    const rest = x.shape.slice(0, -1);
    const rows = sizeOf(rest);
    const path = choosePath('Nf4Weight', nf4Kernel, this.options.path);
    return tf.tidy(() => {
      const flat = tf.reshape(x, [rows, inner]);
      const y = path === 'fused' && rows > 0 ? this.fused(flat, rows) : this.composed(flat);
      return tf.reshape(bias ? tf.add(y, bias) : y, [...rest, out]);
    });
  }

  private fused(x: tf.Tensor, rows: number): tf.Tensor {
    const [out, inner] = this.shape as [number, number];
    const { double, offset } = this;
    const attributes: Nf4Attributes = { rows, out, inner, backward: false, double, offset };
    return runNf4Matmul(x, this.tensors, attributes);
  }

  /** The weight is dequantised anew in the backward pass, so that it stands in memory only while it is used. */
  private composed(x: tf.Tensor): tf.Tensor {
    return withGradient([x], () => ({
      value: tf.matMul(x, this.dequantized(), false, true),
      gradient: (dy) => [tf.tidy(() => tf.matMul(dy, this.dequantized()))],
    }));
  }

  /** The weight [out, in] in float32. */
  dequantized(): tf.Tensor {
    const { shape, double, offset } = this;
    // The backend's own operations compute with whole numbers in float32, which has no room for eight codes.
    if (decodeNf4.available()) return decodeNf4.run({ ...this.tensors }, { shape, double, offset })[0]!;
    return tf.tidy(() => {
      const { codes } = this.tensors;
      const size = sizeOf(this.shape);
      const blocks = Math.ceil(size / nf4Block);
      const values = tf.gather(tf.tensor1d([...nf4Values]), digits(codes, 8, 16));
      const scaled = tf.mul(
        tf.reshape(values, [blocks, nf4Block]),
        tf.reshape(this.scales(blocks), [blocks, 1]),
      );
      return tf.reshape(tf.slice(tf.reshape(scaled, [blocks * nf4Block]), 0, size), this.shape);
    });
  }

  private scales(blocks: number): tf.Tensor {
    const { scales, scaleCodes, map } = this.tensors;
    if (!this.double) return scales;
    const outer = Math.ceil(blocks / scaleBlock);
    const rows = tf.reshape(tf.gather(map, digits(scaleCodes, 4, 256)), [outer, scaleBlock]);
    const all = tf.add(tf.mul(rows, tf.reshape(scales, [outer, 1])), this.offset);
    return tf.slice(tf.reshape(all, [outer * scaleBlock]), 0, blocks);
  }

  dispose(): void {
    tf.dispose(Object.values(this.tensors));
  }
}

/**
 * The `count` digits to `base` of 32-bit numbers, lowest first, without bit operations, which not every backend has. Some
 * divide whole numbers in float32: the remainder of such a quotient is small and is divided once more, which is exact.
 */
function digits(packed: tf.Tensor, count: number, base: number): tf.Tensor1D {
  const divisor = tf.scalar(base, 'int32');
  const without = (rest: tf.Tensor, quotient: tf.Tensor) => tf.sub(rest, tf.mul(quotient, divisor));
  let rest = packed;
  const found: tf.Tensor[] = [];
  for (let n = 0; n < count; n++) {
    const near = tf.floorDiv(rest, divisor);
    const remainder = without(rest, near);
    const correction = tf.floorDiv(remainder, divisor);
    found.push(without(remainder, correction));
    rest = tf.add(near, correction);
  }
  return tf.reshape(tf.stack(found, 1), [packed.size * count]);
}
