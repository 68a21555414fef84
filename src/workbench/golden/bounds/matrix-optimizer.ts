/** Error bounds of parameters after steps of Adafactor and Muon, in bounded arithmetic, step by step. */
import type { NdArray } from '../../../compute/ndarray.js';
import type { AdafactorOptions } from '../../../training/optimizer/adafactor.js';
import { type MuonOptions, muonRateFactor } from '../../../training/optimizer/muon.js';
import {
  type Coefficients,
  muonCoefficients,
  type NewtonSchulzOptions,
} from '../../../training/optimizer/newton-schulz.js';
import {
  add,
  type Bounded,
  divide,
  exact,
  flushed,
  inverseSqrt,
  map,
  matmul,
  multiply,
  reshape,
  scaleBy,
  squareRoot,
  subtract,
  sumLast,
  transposeLast,
} from '../running-error.js';
import { mix, square } from './optimizer.js';

export function adafactorErrors(
  parameter: NdArray,
  gradients: readonly NdArray[],
  options: AdafactorOptions,
): Bounded {
  const { learningRate = 0.01, beta2Decay = -0.8, eps1 = 2 ** -23, eps2 = 1e-3 } = options;
  const { d = 1, weightDecay = 0 } = options;
  const factored = parameter.shape.length > 1;
  let p = exact(parameter);
  let [rows, columns]: (Bounded | undefined)[] = [];
  if (parameter.data.length === 0) return p;
  gradients.forEach((gradient, index) => {
    const old = 1 - (index + 1) ** beta2Decay;
    const [g, squares] = [exact(gradient), square(exact(gradient))];
    rows = mix(rows, factored ? meanLast(squares) : squares, old);
    let moment = rows;
    if (factored) {
      columns = mix(columns, transposeLast(meanLast(transposeLast(squares))), old);
      const mean = atLeast(transposeLast(meanLast(transposeLast(rows))), eps1);
      moment = multiply(divide(rows, mean), columns);
    }
    const update = multiply(g, inverseSqrt(atLeast(moment, eps1 ** 2)));
    const excess = atLeast(scaleBy(rootMeanSquare(update), 1 / d), 1);
    const size = scaleBy(atLeast(rootMeanSquare(p), eps2), Math.min(learningRate, (index + 1) ** -0.5));
    const step = multiply(update, divide(size, excess));
    p = subtract(scaleBy(p, 1 - learningRate * weightDecay), step);
  });
  return p;
}

/**
 * Of a matrix whose singular values s become phi(s) = a s + b s^3 + c s^5 in each step. Errors add up in the Frobenius norm: those from
 * before grow by at most the largest |phi'| between 0 and the largest singular value (phi is odd, so that its Lipschitz constant is that
 * of the symmetric matrix [0 X; X^T 0]; Higham, Functions of Matrices, SIAM 2008, section 3.1), and the roundings of the step itself are
 * those of its products. Carried element by element they would be bounded by products of magnitudes, which says nothing after five steps.
 */
export function newtonSchulzErrors(matrix: Bounded, options: NewtonSchulzOptions = {}): Bounded {
  const { steps = 5, eps = 1e-7, coefficients = muonCoefficients } = options;
  if (matrix.value.data.length === 0) return matrix;
  const [R, C] = matrix.value.shape as [number, number];
  const wide = R > C ? transposeLast(matrix) : matrix;
  const norm = atLeast(squareRoot(sumLast(reshape(square(matrix), [R * C]))), eps);
  let x = divide(wide, norm);
  let [error, largest] = [frobenius(x.error), 1];
  for (let step = 0; step < steps; step++) {
    const { slope, reach } = steepest(coefficients, largest + error);
    const made = newtonSchulzStep(x.value, coefficients, largest + error);
    x = exact(made.value);
    error = slope * error + made.error;
    largest = reach;
  }
  const value = R > C ? transposeLast(x).value : x.value;
  return { value, error: { shape: value.shape, data: value.data.map(() => error) } };
}

/**
 * One step from an exact matrix, and the Frobenius norm of its rounding errors. Of a product A B it is at most that of A's error times
 * the largest singular value of B, the same for B's, and the rounding of the sums.
 * @param s at least the largest singular value of x
 */
function newtonSchulzStep(x: NdArray, [a, b, c]: Coefficients, s: number): { value: NdArray; error: number } {
  const gram = matmul(exact(x), transposeLast(exact(x)));
  const ofGram = frobenius(gram.error);
  const second = matmul(exact(gram.value), exact(gram.value));
  const ofSecond = 2 * s ** 2 * ofGram + frobenius(second.error);
  const polynomial = add(scaleBy(exact(gram.value), b), scaleBy(exact(second.value), c));
  const ofPolynomial = Math.abs(b) * ofGram + Math.abs(c) * ofSecond + frobenius(polynomial.error);
  const product = matmul(exact(polynomial.value), exact(x));
  const sum = add(scaleBy(exact(x), a), exact(product.value));
  return { value: sum.value, error: s * ofPolynomial + frobenius(product.error) + frobenius(sum.error) };
}

/** The largest |phi'| on [0, s], and the largest |phi|. */
function steepest([a, b, c]: Coefficients, s: number): { slope: number; reach: number } {
  const derivative = (t: number) => a + 3 * b * t + 5 * c * t * t;
  const inside = (t: number) => t > 0 && t < s * s;
  // In t = s^2 the derivative is a parabola: its largest size is at an end or at its vertex, phi's where it vanishes.
  const vertex = (-3 * b) / (10 * c);
  const slopes = [0, s * s, ...[vertex].filter(inside)].map((t) => Math.abs(derivative(t)));
  const root = Math.sqrt(9 * b * b - 20 * a * c) / (10 * c);
  const values = [s * s, ...[vertex - root, vertex + root].filter(inside)].map((t) =>
    Math.abs(Math.sqrt(t) * (a + b * t + c * t * t)),
  );
  return { slope: Math.max(...slopes), reach: Math.max(...values) };
}

function frobenius({ data }: NdArray): number {
  return Math.sqrt(data.reduce((sum, value) => sum + value * value, 0));
}

export function muonErrors(parameter: NdArray, gradients: readonly NdArray[], options: MuonOptions): Bounded {
  const { learningRate = 1e-3, momentum = 0.95, nesterov = true, weightDecay = 0.1 } = options;
  const { adjustment = 'original' } = options;
  const rate = learningRate * muonRateFactor(parameter.shape as [number, number], adjustment);
  let p = exact(parameter);
  let velocity: Bounded | undefined;
  for (const gradient of gradients) {
    velocity = mix(velocity, exact(gradient), momentum);
    const direction = newtonSchulzErrors(
      nesterov ? mix(velocity, exact(gradient), momentum) : velocity,
      options,
    );
    p = subtract(scaleBy(p, 1 - learningRate * weightDecay), scaleBy(direction, rate));
  }
  return p;
}

function meanLast(a: Bounded): Bounded {
  return scaleBy(sumLast(a), 1 / a.value.shape.at(-1)!);
}

function rootMeanSquare(a: Bounded): Bounded {
  const n = a.value.data.length;
  const mean = scaleBy(sumLast(reshape(square(a), [n])), 1 / n);
  return squareRoot(reshape(mean, []));
}

/** max(x, floor), the floor a float32 of normal size. */
function atLeast(a: Bounded, floor: number): Bounded {
  return map(a, (x, e) => [Math.max(x, floor), x + e < floor ? 2 ** -24 * floor + flushed : e + flushed]);
}
