/**
 * The activation functions and their derivatives in WGSL, as `value(x)` and `derivative(x)` on V (f32 or vec4f), in the forms
 * of `activation.ts` and `normal-cdf.ts`. Parameters come from the uniforms `slope`, `alpha` and `beta`.
 */
import { type ActivationKind, geluSigmoidBeta, geluTanhCubic, geluTanhScale } from './kinds.js';
import { cdfCoefficients, cdfScale } from './normal-cdf.js';

/** What the code reads from the uniforms. */
export const activationUniforms = { slope: 'f32', alpha: 'f32', beta: 'f32' } as const;

interface Code {
  value: string;
  derivative: string;
  /** Functions the two use. */
  helpers?: string;
}

/** f32 literal of a double: shortest decimal, always with a point or an exponent. */
function literal(value: number): string {
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

const sigmoid = 'fn sigmoid(x: V) -> V { return 1.0 / (1.0 + exp(-x)); }';

/** Every gate is 0 or 1 out there, and products with beta stay finite. */
const swish = (beta: string): Code => ({
  value: `return x * sigmoid(${beta} * x);`,
  derivative: `let argument = ${beta} * x;
  return sigmoid(argument) * (1.0 + clamp(x, V(-1e30), V(1e30)) * ${beta} * sigmoid(-argument));`,
  helpers: sigmoid,
});

/** Written so that a NaN, for which every comparison is false, stays one. */
const near = 'let near = select(x, clamp(x, V(-30.0), V(30.0)), abs(x) > V(30.0));';

const geluTanh: Code = {
  value: `${near}
  return x * sigmoid(argument(near));`,
  derivative: `${near}
  let z = argument(near);
  let steepness = near * (1.0 + ${literal(3 * geluTanhCubic)} * near * near) * ${literal(2 * geluTanhScale)};
  return sigmoid(z) * (1.0 + steepness * sigmoid(-z));`,
  helpers: `${sigmoid}
fn argument(x: V) -> V { return x * ${literal(2 * geluTanhScale)} * (1.0 + ${literal(geluTanhCubic)} * x * x); }`,
};

const [lastCoefficient, ...coefficients] = [...cdfCoefficients].reverse() as [number, ...number[]];

const geluErf: Code = {
  value: 'return x * normalCdf(x);',
  derivative: `${near}
  return normalCdf(x) + near * exp(-0.5 * near * near) * ${literal(1 / Math.sqrt(2 * Math.PI))};`,
  helpers: `fn normalCdf(x: V) -> V {
  let size = select(abs(x), V(20.0), abs(x) > V(20.0));
  let t = ${literal(cdfScale)} / (size + ${literal(cdfScale)});
  let s = t * 2.0 - 1.0;
  var q = V(${literal(lastCoefficient)});
  ${coefficients.map((c) => `q = q * s + ${literal(c)};`).join('\n  ')}
  let tail = t * 0.5 * q * exp(size * size * -0.5);
  return select(1.0 - tail, tail, x < V());
}`,
};

const codes: Record<ActivationKind, Code> = {
  identity: { value: 'return x;', derivative: 'return V(1.0);' },
  sigmoid: { value: 'return sigmoid(x);', derivative: 'return sigmoid(x) * sigmoid(-x);', helpers: sigmoid },
  relu: { value: 'return select(x, V(), x <= V());', derivative: 'return select(V(1.0), V(), x <= V());' },
  leaky_relu: {
    value: 'return select(x * u.slope, x, x > V());',
    derivative: 'return select(V(u.slope), V(1.0), x > V());',
  },
  elu: {
    value: 'return select(expm1(x) * u.alpha, x, x > V());',
    derivative: 'return select(exp(x) * u.alpha, V(1.0), x > V());',
    helpers: `fn expm1(x: V) -> V {
  // Near zero exp(x) - 1 cancels: nine terms of the series there.
  var series = V(1.0);
  for (var n = 9.0; n > 1.0; n -= 1.0) { series = series * x / n + 1.0; }
  return select(exp(x) - 1.0, series * x, abs(x) < V(0.5));
}`,
  },
  swish: swish('u.beta'),
  silu: swish('1.0'),
  gelu_sigmoid: swish(literal(geluSigmoidBeta)),
  gelu_tanh: geluTanh,
  gelu_erf: geluErf,
};

export function activationCode(kind: ActivationKind): string {
  const { value, derivative, helpers = '' } = codes[kind];
  return `${helpers}
fn value(x: V) -> V {
  ${value}
}
fn derivative(x: V) -> V {
  ${derivative}
}
`;
}
