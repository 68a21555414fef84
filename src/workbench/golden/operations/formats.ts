/** Golden operations: number formats, quantisation and the loss scale. They are exact, so bounds are those of the last product only. */
import { type NdArray, ndarray } from '../../../compute/ndarray.js';
import { tf } from '../../../compute/tf.js';
import {
  dequantizeNf4Oracle,
  nf4Block,
  nf4Codes,
  quantizeNf4,
} from '../../../training/fine-tuning/nf4/nf4-format.js';
import {
  decodeE8m0,
  decodeFloat,
  encodeFloat,
  type FloatFormat,
  floatFormatNames,
  floatFormats,
  LossScaler,
  quantizeAbsMax,
  quantizeMicroscaled,
  quantizeZeroPoint,
  roundTo,
  scaleToFormat,
} from '../../../training/precision/index.js';
import type { Parameters } from '../parameters.js';
import { type Bounded, divide, exact, matmul, rounded } from '../running-error.js';
import type { Operation, Tensors } from './operation.js';

type Arrays = Record<string, NdArray>;

const formatOf = (params: Parameters, name = 'format'): FloatFormat =>
  floatFormats[params.oneOf(name, floatFormatNames, 'fp8_e4m3')];

const map = ({ shape, data }: NdArray, f: (value: number) => number): NdArray => ndarray(shape, data.map(f));

/**
 * An operation on arrays that gives the same bits on every backend.
 * @param products outputs that end in one product, rounded to float32
 */
function onArrays(
  compute: (inputs: Arrays, params: Parameters) => Arrays,
  { integers = [], products = [] }: { integers?: readonly string[]; products?: readonly string[] },
): Operation {
  return {
    run: (inputs, params) => {
      const arrays = Object.fromEntries(
        Object.entries(inputs).map(([name, tensor]) => [name, ndarray(tensor.shape, tensor.dataSync())]),
      );
      return tensorsOf(compute(arrays, params), integers);
    },
    errors: ({ inputs }, params) => ({
      out: Object.fromEntries(
        Object.entries(compute(inputs, params)).map(([name, value]): [string, Bounded] => [
          name,
          products.includes(name) ? rounded(value) : exact(value),
        ]),
      ),
      grad: {},
    }),
  };
}

const tensorsOf = (arrays: Arrays, integers: readonly string[]): Tensors =>
  Object.fromEntries(
    Object.entries(arrays).map(([name, { shape, data }]) => [
      name,
      integers.includes(name)
        ? tf.tensor(Int32Array.from(data), [...shape], 'int32')
        : tf.tensor(Float32Array.from(data), [...shape]),
    ]),
  );

const decode = onArrays(({ codes }, params) => {
  const name = params.oneOf('format', [...floatFormatNames, 'fp8_e8m0'] as const, 'fp8_e4m3');
  const value = name === 'fp8_e8m0' ? decodeE8m0 : (code: number) => decodeFloat(code, floatFormats[name]);
  return { values: map(codes!, value) };
}, {});

const encode = onArrays(
  ({ x }, params) => {
    const format = formatOf(params);
    return { codes: map(x!, (value) => encodeFloat(value, format)) };
  },
  { integers: ['codes'] },
);

const round = onArrays(({ x }, params) => {
  const format = formatOf(params);
  return { out: map(x!, (value) => roundTo(value, format)) };
}, {});

const microscaled = onArrays(
  ({ x }, params) => {
    const { scales, codes, values } = quantizeMicroscaled(
      x!,
      formatOf(params),
      params.number('blockSize', 32),
    );
    return { scales, codes, out: values };
  },
  { integers: ['scales', 'codes'] },
);

const absMax = onArrays(
  ({ x }, params) => {
    const { scale, codes, values } = quantizeAbsMax(x!, { perChannel: params.boolean('perChannel', false) });
    return { scale, codes, out: values };
  },
  { integers: ['codes'], products: ['out'] },
);

const zeroPoint = onArrays(
  ({ x }, params) => {
    const { values, ...rest } = quantizeZeroPoint(x!, {
      perChannel: params.boolean('perChannel', false),
      qmin: params.number('qmin', -128),
      qmax: params.number('qmax', 127),
    });
    return { ...rest, out: values };
  },
  { integers: ['codes', 'zeroPoint'], products: ['out'] },
);

const nf4 = onArrays(
  ({ x }, params) => {
    const block = params.number('blockSize', nf4Block);
    if (block !== nf4Block)
      throw new RangeError(`nf4_quantize: blocks have ${nf4Block} numbers, not ${block}`);
    const quantized = quantizeNf4(x!);
    const codes = nf4Codes(quantized);
    return {
      absmax: ndarray([quantized.scales.length], quantized.scales),
      codes: ndarray([codes.length], codes),
      out: dequantizeNf4Oracle(quantized),
    };
  },
  { integers: ['codes'], products: ['out'] },
);

const lossScale = onArrays(
  ({ overflow }, params) => {
    const scaler = new LossScaler({
      initScale: params.number('initScale', 65536),
      growthFactor: params.number('growthFactor', 2),
      backoffFactor: params.number('backoffFactor', 0.5),
      growthInterval: params.number('growthInterval', 2000),
    });
    const scale = map(overflow!, (flag) => {
      scaler.update(flag !== 0);
      return scaler.scale;
    });
    return { scale, skipped: map(overflow!, (flag) => (flag === 0 ? 0 : 1)) };
  },
  { integers: ['skipped'] },
);

function scaled({ a, b }: Arrays, params: Parameters) {
  return [
    scaleToFormat(a!, formatOf(params, 'formatA')),
    scaleToFormat(b!, formatOf(params, 'formatB')),
  ] as const;
}

const scaledMatmul: Operation = {
  run: (inputs, params) => {
    const arrays = Object.fromEntries(
      Object.entries(inputs).map(([name, tensor]) => [name, ndarray(tensor.shape, tensor.dataSync())]),
    );
    const [a, b] = scaled(arrays, params);
    const { aDecoded, bDecoded, ...rest } = tensorsOf(
      {
        scaleA: ndarray([], [a.scale]),
        scaleB: ndarray([], [b.scale]),
        aCodes: a.codes,
        bCodes: b.codes,
        aDecoded: a.decoded,
        bDecoded: b.decoded,
      },
      ['aCodes', 'bCodes'],
    );
    const product = tf.matMul(aDecoded!, bDecoded!);
    return { ...rest, out: tf.div(tf.div(product, a.scale), b.scale) };
  },
  errors: ({ inputs }, params) => {
    const [a, b] = scaled(inputs, params);
    const scalar = (value: number) => exact(ndarray([], [value]));
    const product = matmul(exact(a.decoded), exact(b.decoded));
    return {
      out: {
        scaleA: rounded(ndarray([], [a.scale])),
        scaleB: rounded(ndarray([], [b.scale])),
        aCodes: exact(a.codes),
        bCodes: exact(b.codes),
        out: divide(divide(product, scalar(a.scale)), scalar(b.scale)),
      },
      grad: {},
    };
  },
};

export const formatOperations: Readonly<Record<string, Operation>> = {
  float_decode: decode,
  float_encode: encode,
  fp8_scaled_matmul: scaledMatmul,
  int8_absmax: absMax,
  int8_zero_point: zeroPoint,
  loss_scaler: lossScale,
  mx_quantize: microscaled,
  nf4_quantize: nf4,
  round_to: round,
};
