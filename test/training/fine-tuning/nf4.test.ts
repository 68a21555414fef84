import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { launchedKernels } from '../../../src/compute/launch.js';
import { type NdArray, ndarray, sizeOf } from '../../../src/compute/ndarray.js';
import { seededNormal } from '../../../src/compute/random.js';
import { fromNdArray, toNdArray } from '../../../src/compute/read.js';
import { readSafetensors } from '../../../src/compute/safetensors.js';
import { tf } from '../../../src/compute/tf.js';
import {
  dequantizeNf4Oracle,
  dynamicMap,
  nf4Codes,
  nf4Values,
  quantizeNf4,
  quantizeScales,
  scalesOf,
} from '../../../src/training/fine-tuning/nf4/nf4-format.js';
import { Nf4Weight } from '../../../src/training/fine-tuning/nf4/nf4-weight.js';
import { goldenDirectory } from '../../../src/workbench/golden/case.js';
import {
  exact,
  matmul,
  rounded,
  scaleBy,
  transposeLast,
} from '../../../src/workbench/golden/running-error.js';
import { eachBackend } from '../../compute/backends.js';
import { expectWithin, leaked } from '../../support/numeric.js';

/** The weight that is computed with, in float64. */
function dequantized(weight: NdArray, double: boolean): NdArray {
  const arrays = quantizeNf4(weight);
  if (!double) return dequantizeNf4Oracle(arrays);
  const scales = scalesOf(quantizeScales(arrays.scales), arrays.scales.length);
  return dequantizeNf4Oracle({ ...arrays, scales });
}

eachBackend((backend) => {
  describe('Nf4Weight', () => {
    const paths = backend === 'webgpu' ? (['fused', 'composed'] as const) : (['composed'] as const);

    it.each([
      { rows: 3, out: 4, inner: 16, double: false },
      { rows: 1, out: 5, inner: 7, double: false },
      { rows: 70, out: 65, inner: 130, double: true },
      { rows: 2, out: 150, inner: 129, double: true },
      { rows: 67, out: 3, inner: 33, double: false },
    ])('x W^T and its gradient are those of the dequantised weight within the bounds, %o', async (sizes) => {
      const { rows, out, inner, double } = sizes;
      const weight = seededNormal([out, inner], 1);
      const x = seededNormal([rows, inner], 2);
      const dy = seededNormal([rows, out], 3);
      // A scale of double quantisation is rounded in its product, its sum and that with the value.
      const w = scaleBy(
        double ? scaleBy(rounded(dequantized(weight, double)), 1) : exact(dequantized(weight, double)),
        1,
      );
      const y = matmul(exact(x), transposeLast(w));
      const dx = matmul(exact(dy), w);
      for (const path of paths) {
        const nf4 = new Nf4Weight([out, inner], weight.data, { doubleQuantization: double, path });
        const [input, cotangent] = [fromNdArray(x), fromNdArray(dy)];
        launchedKernels().reset();
        await expectWithin('y', nf4.apply(input), y.value, y);
        const [gradient] = tf.grads((at) => nf4.apply(at!))([input], cotangent);
        await expectWithin('gradient of x', gradient!, dx.value, dx);
        const wanted = path === 'fused' ? ['nf4Matmul.forward', 'nf4Matmul.backward'] : [];
        expect(
          launchedKernels()
            .list()
            .filter((name) => name.startsWith('nf4Matmul')),
        ).toEqual(wanted);
        await expectWithin('the weight', nf4.dequantized(), w.value, w);
        expect(leaked(() => nf4.apply(input))).toBe(0);
        expect(leaked(() => tf.grads((at) => nf4.apply(at!))([input], cotangent))).toBe(0);
        nf4.dispose();
      }
    });

    it('adds a bias, keeps the axes of x, and says what does not fit', async () => {
      const weight = seededNormal([3, 4], 1);
      const nf4 = await Nf4Weight.of(fromNdArray(weight));
      const [x, bias] = [fromNdArray(seededNormal([2, 1, 4], 2)), fromNdArray(seededNormal([3], 3))];
      const y = nf4.apply(x, bias);
      expect(y.shape).toEqual([2, 1, 3]);
      const difference = tf.sub(y, tf.add(nf4.apply(x), bias));
      expect((await toNdArray(difference)).data.every((value) => value === 0)).toBe(true);
      expect(nf4.apply(tf.zeros([0, 4])).shape).toEqual([0, 3]);
      expect(() => nf4.apply(tf.zeros([2, 3]))).toThrow(
        /x must be \[..., in\] for a weight \[3,4\], got \[2,3\]/,
      );
      nf4.dispose();
    });
  });
});

describe('the NF4 format', () => {
  it.each(['rows', 'scales', 'part_block'])('has the codes and scales of bitsandbytes: %s', async (name) => {
    const { tensors } = await readSafetensors(
      join(goldenDirectory(), `nf4_quantize.${name}.small.safetensors`),
    );
    const x = tensors.get('in.x')!;
    const { codes, scales } = quantizeNf4(x);
    expect([...scales]).toEqual([...tensors.get('out.absmax')!.data]);
    const unpacked = Array.from(
      { length: sizeOf(x.shape) },
      (_, n) => (codes[n >> 3]! >>> (4 * (n & 7))) & 15,
    );
    expect(unpacked).toEqual([...tensors.get('out.codes')!.data]);
    const out = dequantizeNf4Oracle({ shape: x.shape, codes, scales });
    out.data.forEach((value, n) => {
      expect(Math.fround(value)).toBe(tensors.get('out.out')!.data[n]);
    });
  });

  it('takes the nearest value for a million numbers', () => {
    const x = seededNormal([1000, 1000], 1);
    const { codes, scales } = quantizeNf4(x);
    let wrong = 0;
    for (let n = 0; n < x.data.length; n++) {
      const at = x.data[n]! / scales[n >> 6]!;
      const code = (codes[n >> 3]! >>> (4 * (n & 7))) & 15;
      const off = Math.abs(nf4Values[code]! - at);
      if (nf4Values.some((value) => Math.abs(value - at) < off)) wrong++;
    }
    expect(wrong).toBe(0);
  });

  it('keeps blocks of zeros, and refuses what is not finite', () => {
    const { codes, scales } = quantizeNf4(ndarray([2, 40]));
    expect([...scales]).toEqual([0, 0]);
    expect(dequantizeNf4Oracle({ shape: [2, 40], codes, scales }).data.every((value) => value === 0)).toBe(
      true,
    );
    expect(() => quantizeNf4(ndarray([2], [1, Number.NaN]))).toThrow(/number 1 of \[2\] is NaN/);
  });

  it('quantises scales once more with the map of bitsandbytes, within a step of it', () => {
    expect(dynamicMap.length).toBe(256);
    expect(dynamicMap.slice(0, 2)).toEqual([-0.992968738079071, -0.9789062738418579]);
    expect(dynamicMap[127]).toBe(0);
    expect(dynamicMap[255]).toBe(1);
    const scales = Float32Array.from(seededNormal([700], 2).data, (value) => 3 + Math.abs(value));
    const double = quantizeScales(scales);
    expect([double.codes.length, double.scales.length]).toEqual([192, 3]);
    expect(double.offset).toBeCloseTo(
      scales.reduce((sum, scale) => sum + scale / 700, 0),
      5,
    );
    for (let block = 0; block < 3; block++) {
      const centred = scales
        .slice(256 * block, 256 * block + 256)
        .map((scale) => Math.abs(scale - double.offset));
      expect(double.scales[block]).toBe(Math.max(...centred));
    }
    scales.forEach((scale, n) => {
      const at = (scale - double.offset) / double.scales[n >> 8]!;
      const code = (double.codes[n >> 2]! >>> (8 * (n & 3))) & 255;
      const off = Math.abs(dynamicMap[code]! - at);
      expect(dynamicMap.filter((value) => Math.abs(value - at) < off - 1e-6)).toEqual([]);
    });
    scalesOf(double, 700).forEach((value, n) => {
      // Steps of the map are at most 0.0141 of the largest.
      expect(Math.abs(value - scales[n]!)).toBeLessThanOrEqual(0.0071 * double.scales[n >> 8]! + 1e-6);
    });
  });

  it('takes half a byte and one scale per 64 numbers', () => {
    const data = seededNormal([512, 128], 1).data;
    const once = new Nf4Weight([512, 128], data);
    const twice = new Nf4Weight([512, 128], data, { doubleQuantization: true });
    const n = 512 * 128;
    // The map, and one number where there are no codes of scales.
    expect(once.bytes).toBe(n / 2 + (4 * n) / 64 + 2 * 4);
    expect(twice.bytes).toBe(n / 2 + n / 64 + (4 * n) / (64 * 256) + 256 * 4);
    once.dispose();
    twice.dispose();
  });
});

it('the codes of a weight, one by one, are those of its numbers', () => {
  // Every value of the format in turn, so that the largest is 1 and each number is exact; 70 numbers: a block and a part.
  const numbers = Array.from({ length: 70 }, (_, n) => nf4Values[(15 + 7 * n) % 16]!);
  const codes = nf4Codes(quantizeNf4(ndarray([7, 10], numbers)));
  expect([...codes]).toEqual(numbers.map((_, n) => (15 + 7 * n) % 16));
});
