/**
 * The activation functions by name, and their parameters. `swish` is x sigmoid(beta x) (Ramachandran et al. 2017,
 * arXiv:1710.05941), `silu` is swish with beta 1; the three forms of GELU are those of Hendrycks & Gimpel 2016,
 * arXiv:1606.08415: x Phi(x) itself, its tanh approximation, and x sigmoid(1.702 x). `elu` is Clevert et al. 2015,
 * arXiv:1511.07289.
 */

export const activationKinds = [
  'identity',
  'sigmoid',
  'relu',
  'leaky_relu',
  'elu',
  'swish',
  'silu',
  'gelu_erf',
  'gelu_tanh',
  'gelu_sigmoid',
] as const;

export type ActivationKind = (typeof activationKinds)[number];

export interface ActivationOptions {
  /** leaky_relu: factor of negative values. Default 0.01. */
  slope?: number;
  /** elu: -alpha is the limit at minus infinity. Default 1. */
  alpha?: number;
  /** swish: factor inside the sigmoid. Default 1. */
  beta?: number;
}

/** Factor inside the sigmoid of gelu_sigmoid. */
export const geluSigmoidBeta = 1.702;
/** gelu_tanh is x sigmoid(2 z), z = geluTanhScale x (1 + geluTanhCubic x^2): the same as 0.5 x (1 + tanh z). */
export const geluTanhScale = Math.sqrt(2 / Math.PI);
export const geluTanhCubic = 0.044715;

/** @throws RangeError when the kind is unknown or a parameter is not a finite number. */
export function activationSetup(
  caller: string,
  kind: ActivationKind,
  options: ActivationOptions,
): Required<ActivationOptions> {
  if (!activationKinds.includes(kind)) {
    throw new RangeError(
      `${caller}: unknown activation ${JSON.stringify(kind)}; use one of ${activationKinds.join(', ')}`,
    );
  }
  const { slope = 0.01, alpha = 1, beta = 1 } = options;
  for (const [name, value] of Object.entries({ slope, alpha, beta })) {
    if (!Number.isFinite(value)) {
      throw new RangeError(`${caller}: ${name} must be a finite number, got ${value}`);
    }
  }
  return { slope, alpha, beta };
}
