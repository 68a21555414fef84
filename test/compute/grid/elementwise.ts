/** Operations that compute each element by itself, of one operand or of two that broadcast. */
import { tf } from '../../../src/compute/tf.js';
import { at, build, type Dtype, type GridCase, sample, sizeOf, tensor, type Values, values } from './case.js';

const special = [Number.NaN, Infinity, -Infinity, 0, 1e-7, -1e-7, 0.25, -0.5, 0.999, -1, 1, 1.5, 2.5, -2.5];
const wide = [...special, 3.5, 10, -10, 30, -30, 87, -87, 1e4, -1e4, 1e9, -608065414.8781943, 3e38, -3e38];

/** Shapes of every rank that the numbers are laid out in, and two without elements. */
const shapes = [
  [],
  [1],
  [5],
  [3, 4],
  [2, 3, 2],
  [2, 1, 3, 2],
  [1, 2, 2, 2, 2],
  [2, 1, 2, 1, 2, 2],
  [0],
  [2, 0],
];

interface One {
  run: (x: tf.Tensor) => tf.Tensor;
  of: (x: number) => number;
  result?: Dtype | 'same';
  takes?: Dtype[];
  inputs?: number[];
  tolerance?: number;
}

const { alpha, scale } = { alpha: 1.6732632423543772, scale: 1.0507009873554805 };
const half = (x: number) => {
  const down = Math.floor(x);
  return x - down < 0.5 ? down : x - down > 0.5 ? down + 1 : down % 2 === 0 ? down : down + 1;
};
const clip = (x: number, low: number, high: number) =>
  Number.isNaN(x) ? x : Math.min(Math.max(x, low), high);

/** Abramowitz and Stegun 7.1.6 for small arguments, the continued fraction of erfc for large ones. */
function erf(x: number): number {
  if (Number.isNaN(x)) return x;
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

const one: Record<string, One> = {
  Abs: { run: tf.abs, of: Math.abs, result: 'same', takes: ['float32', 'int32'] },
  Acos: { run: tf.acos, of: Math.acos, tolerance: 4e-4 },
  Acosh: { run: tf.acosh, of: Math.acosh },
  Asin: { run: tf.asin, of: Math.asin, tolerance: 4e-4 },
  Asinh: { run: tf.asinh, of: Math.asinh },
  Atan: { run: tf.atan, of: Math.atan, tolerance: 1e-5 },
  Atanh: { run: tf.atanh, of: Math.atanh },
  Cast: {
    run: (x) => tf.cast(x, 'int32'),
    of: Math.trunc,
    result: 'int32',
    inputs: [0, 1.5, -1.5, 2e9, -7, 0.25],
  },
  'Cast (bool)': {
    run: (x) => tf.cast(x, 'bool'),
    of: (x) => Number(x !== 0),
    result: 'bool',
    takes: ['float32', 'int32'],
  },
  'Cast (float32)': { run: (x) => tf.cast(x, 'float32').mul(1), of: (x) => x, takes: ['int32', 'bool'] },
  Ceil: { run: tf.ceil, of: Math.ceil },
  ClipByValue: {
    run: (x) => tf.clipByValue(x, -1, 2),
    of: (x) => clip(x, -1, 2),
    result: 'same',
    takes: ['float32', 'int32'],
  },
  Cos: { run: tf.cos, of: Math.cos },
  Cosh: { run: tf.cosh, of: Math.cosh },
  Elu: { run: tf.elu, of: (x) => (x >= 0 ? x : Math.expm1(x)) },
  Erf: { run: tf.erf, of: erf },
  Exp: { run: tf.exp, of: Math.exp, takes: ['float32', 'int32'] },
  Expm1: { run: tf.expm1, of: Math.expm1 },
  Floor: { run: tf.floor, of: Math.floor },
  Identity: { run: tf.clone, of: (x) => x, result: 'same', takes: ['float32', 'int32', 'bool'] },
  IsFinite: { run: tf.isFinite, of: (x) => Number(Number.isFinite(x)), result: 'bool' },
  IsInf: { run: tf.isInf, of: (x) => Number(Math.abs(x) === Infinity), result: 'bool' },
  IsNan: { run: tf.isNaN, of: (x) => Number(Number.isNaN(x)), result: 'bool' },
  LeakyRelu: { run: (x) => tf.leakyRelu(x, 0.2), of: (x) => (x < 0 ? 0.2 * x : x) },
  Log: { run: tf.log, of: Math.log },
  Log1p: { run: tf.log1p, of: Math.log1p },
  LogicalNot: { run: tf.logicalNot, of: (x) => Number(!x), result: 'bool', takes: ['bool'] },
  Neg: { run: tf.neg, of: (x) => -x, result: 'same', takes: ['float32', 'int32'] },
  OnesLike: { run: tf.onesLike, of: () => 1, result: 'same', takes: ['float32', 'int32', 'bool'] },
  Reciprocal: { run: tf.reciprocal, of: (x) => 1 / x },
  Relu: { run: tf.relu, of: (x) => (x < 0 ? 0 : x), result: 'same', takes: ['float32', 'int32'] },
  Relu6: { run: tf.relu6, of: (x) => clip(x, 0, 6), result: 'same', takes: ['float32', 'int32'] },
  Round: { run: tf.round, of: half },
  Rsqrt: { run: tf.rsqrt, of: (x) => 1 / Math.sqrt(x) },
  Selu: { run: tf.selu, of: (x) => scale * (x >= 0 ? x : alpha * Math.expm1(x)) },
  Sigmoid: { run: tf.sigmoid, of: (x) => 1 / (1 + Math.exp(-x)) },
  Sign: { run: tf.sign, of: (x) => Math.sign(x) || 0, result: 'same', takes: ['float32', 'int32'] },
  Sin: { run: tf.sin, of: Math.sin },
  Sinh: { run: tf.sinh, of: Math.sinh },
  Softplus: { run: tf.softplus, of: (x) => (x > 30 ? x : Math.log1p(Math.exp(x))) },
  Sqrt: { run: tf.sqrt, of: Math.sqrt },
  Square: { run: tf.square, of: (x) => x * x, result: 'same', takes: ['float32', 'int32'] },
  Step: { run: (x) => tf.step(x, 0.5), of: (x) => (Number.isNaN(x) ? x : x > 0 ? 1 : 0.5), result: 'same' },
  Tan: { run: tf.tan, of: Math.tan, tolerance: 5e-6 },
  Tanh: { run: tf.tanh, of: Math.tanh },
  ZerosLike: { run: tf.zerosLike, of: () => 0, result: 'same', takes: ['float32', 'int32', 'bool'] },
};

const integersOf = (dtype: Dtype) => (dtype === 'bool' ? [1, 0] : [0, 1, -1, 7, -13, 10, 2]);
/** As float32 holds it: what is beyond is infinite. */
const map = (x: Values, of: (v: number) => number, dtype: Dtype): Values => ({
  ...x,
  data: x.data.map(of),
  dtype,
});

export function* unary(): Generator<GridCase> {
  for (const [name, op] of Object.entries(one)) {
    const kernel = name.replace(/ .*/, '');
    for (const dtype of op.takes ?? ['float32']) {
      const dtypeOut = op.result === 'same' ? dtype : (op.result ?? 'float32');
      const numbers = dtype === 'float32' ? (op.inputs ?? wide) : integersOf(dtype);
      const add = (x: Values): GridCase => ({
        kernel,
        name: `${name} ${dtype} [${x.shape}]`,
        run: () => op.run(tensor(x)),
        expected: () => map(x, op.of, dtypeOut),
        tolerance: op.tolerance,
      });
      yield add(values([numbers.length], numbers, dtype));
      for (const shape of shapes) {
        const data = Array.from({ length: sizeOf(shape) }, (_, n) => numbers[(n * 5 + 3) % numbers.length]!);
        yield add(values(shape, data, dtype));
      }
    }
  }
}

interface Two {
  run: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor;
  of: (a: number, b: number) => number;
  result?: Dtype;
  takes?: Dtype[];
  tolerance?: number;
}

const floorMod = (a: number, b: number) => {
  const rest = a % b;
  return (a < 0 && b < 0) || (a >= 0 && b >= 0) ? rest : (rest + b) % b;
};
const numeric: Dtype[] = ['float32', 'int32'];
const comparison = (run: Two['run'], of: (a: number, b: number) => boolean): Two => ({
  run,
  of: (a, b) => Number(of(a, b)),
  result: 'bool',
  takes: ['float32', 'int32', 'bool'],
});
const logical = (run: Two['run'], of: (a: boolean, b: boolean) => boolean): Two => ({
  run,
  of: (a, b) => Number(of(a !== 0, b !== 0)),
  result: 'bool',
  takes: ['bool'],
});

const two: Record<string, Two> = {
  Add: { run: tf.add, of: (a, b) => a + b, takes: numeric },
  Atan2: { run: tf.atan2, of: Math.atan2, tolerance: 1e-5 },
  BitwiseAnd: { run: tf.bitwiseAnd, of: (a, b) => a & b, takes: ['int32'] },
  Equal: comparison(tf.equal, (a, b) => a === b),
  FloorDiv: { run: tf.floorDiv, of: (a, b) => Math.floor(a / b), result: 'int32', takes: ['int32'] },
  Greater: comparison(tf.greater, (a, b) => a > b),
  GreaterEqual: comparison(tf.greaterEqual, (a, b) => a >= b),
  Less: comparison(tf.less, (a, b) => a < b),
  LessEqual: comparison(tf.lessEqual, (a, b) => a <= b),
  LogicalAnd: logical(tf.logicalAnd, (a, b) => a && b),
  LogicalOr: logical(tf.logicalOr, (a, b) => a || b),
  LogicalXor: logical(tf.logicalXor, (a, b) => a !== b),
  Maximum: { run: tf.maximum, of: Math.max, takes: numeric },
  Minimum: { run: tf.minimum, of: Math.min, takes: numeric },
  Mod: { run: tf.mod, of: floorMod, takes: numeric },
  Multiply: { run: tf.mul, of: (a, b) => a * b, takes: numeric },
  NotEqual: comparison(tf.notEqual, (a, b) => a !== b),
  Pow: { run: tf.pow, of: (a, b) => (b === 0 ? 1 : a ** b), tolerance: 2e-5 },
  Prelu: { run: tf.prelu, of: (a, b) => (a < 0 ? a * b : a) },
  RealDiv: { run: tf.div, of: (a, b) => a / b },
  SquaredDifference: { run: tf.squaredDifference, of: (a, b) => (a - b) ** 2, takes: numeric },
  Sub: { run: tf.sub, of: (a, b) => a - b, takes: numeric },
};

const pairs = [
  [[], []],
  [[4], []],
  [[], [2, 3]],
  [
    [3, 4],
    [3, 4],
  ],
  [[3, 4], [4]],
  [
    [3, 1],
    [2, 1, 4],
  ],
  [
    [2, 1, 3, 1],
    [1, 2, 1, 4],
  ],
  [
    [2, 1, 2, 1, 2],
    [1, 2, 2, 2, 1],
  ],
  [
    [1, 2, 1, 2, 1, 2],
    [2, 1, 2, 1, 2, 1],
  ],
  [
    [0, 3],
    [1, 3],
  ],
] as [number[], number[]][];

export function* binary(): Generator<GridCase> {
  for (const [kernel, op] of Object.entries(two)) {
    for (const dtype of op.takes ?? ['float32']) {
      const add = (a: Values, b: Values): GridCase => {
        const shape = tf.broadcast_util.assertAndGetBroadcastShape(a.shape, b.shape);
        return {
          kernel,
          name: `${kernel} ${dtype} [${a.shape}] [${b.shape}]`,
          run: () => op.run(tensor(a), tensor(b)),
          expected: () => build(shape, (p) => op.of(at(a, p), at(b, p)), op.result ?? dtype),
          tolerance: op.tolerance,
        };
      };
      const nonZero = (x: Values): Values =>
        kernel === 'FloorDiv' || kernel === 'Mod' ? { ...x, data: x.data.map((v) => v || 3) } : x;
      for (const [left, right] of pairs) {
        if (kernel === 'Prelu' && right.length > left.length) continue;
        if (kernel === 'BitwiseAnd' && String(left) !== String(right)) continue;
        if (kernel === 'Prelu' && (left.length === 0 || sizeOfBroadcast(left, right) !== left.join()))
          continue;
        yield add(sample(left, dtype, 1), nonZero(sample(right, dtype, 2)));
      }
      if (dtype !== 'float32') continue;
      const odd = [Number.NaN, Infinity, -Infinity, 0, 1, -1, 2, -2.5];
      const every = odd
        .flatMap((a) => odd.map((b) => [a, b]))
        .filter(([a, b]) => !undefinedFor[kernel]?.(a!, b!));
      yield add(
        values(
          [every.length],
          every.map(([a]) => a!),
        ),
        values(
          [every.length],
          every.map(([, b]) => b!),
        ),
      );
    }
  }
}

/** Where there is no one answer: JavaScript, C and WGSL have each their own. */
const undefinedFor: Record<string, (a: number, b: number) => boolean> = {
  // IEEE 754 says 1 where an operand decides alone, JavaScript NaN for 1 ** NaN, WGSL neither; whether an infinite exponent
  // is even, and that an infinite base is not negative with a fraction, WGSL does not know. Its pow is exp2(b * log2(a)),
  // which leaves negative powers of zero open too.
  Pow: (a, b) =>
    (Number.isNaN(a) && b === 0) ||
    (a === 1 && Number.isNaN(b)) ||
    Math.abs(b) === Infinity ||
    (a === 0 && b < 0) ||
    (a === -Infinity && !Number.isInteger(b)),
  // WGSL leaves the angle of no direction open, and that between infinities.
  Atan2: (a, b) => (a === 0 && b === 0) || (Math.abs(a) === Infinity && Math.abs(b) === Infinity),
  // WGSL's remainder is a - b * trunc(a / b), which has an infinity times zero in it.
  Mod: (_a, b) => Math.abs(b) === Infinity,
};

const sizeOfBroadcast = (a: number[], b: number[]) =>
  tf.broadcast_util.assertAndGetBroadcastShape(a, b).join();
