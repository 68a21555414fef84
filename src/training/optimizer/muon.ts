/**
 * Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; Liu et al. 2025, arXiv:2502.16982): the momentum of a matrix,
 * orthogonalised, is the step, so that all directions of a weight move alike. For the matrices of hidden layers; embeddings, heads,
 * gains and biases are AdamW's. PyTorch's semantics, but Newton-Schulz in float32.
 */
import { requireAxes } from '../../compute/shapes.js';
import { tf } from '../../compute/tf.js';
import { type Coefficients, muonCoefficients, newtonSchulz } from './newton-schulz.js';
import { checkUpdate, mix, requireBelowOne, requireInRange, type UpdateRule } from './rules.js';

/**
 * How the shape [R,C] scales the rate: 'original' by sqrt(max(1, R / C)); 'match_rms_adamw' by 0.2 sqrt(max(R, C)), which makes steps as
 * large as AdamW's, so that its learning rate and decay can be kept.
 */
export type MuonAdjustment = 'original' | 'match_rms_adamw';

export interface MuonOptions {
  /** Default 1e-3. */
  learningRate?: number;
  /** Share of the old momentum. Default 0.95. */
  momentum?: number;
  /** Default true. */
  nesterov?: boolean;
  /** Decoupled, by the unadjusted rate. Default 0.1. */
  weightDecay?: number;
  /** Of Newton-Schulz. Default 5. */
  steps?: number;
  /** Default 1e-7. */
  eps?: number;
  coefficients?: Coefficients;
  /** Default 'original'. */
  adjustment?: MuonAdjustment;
}

/** Slot: the momentum. @throws RangeError when an option is out of range; by its update when a parameter is no matrix. */
export function muon(options: MuonOptions = {}): UpdateRule {
  const { learningRate = 1e-3, momentum = 0.95, nesterov = true, weightDecay = 0.1 } = options;
  const { steps = 5, eps = 1e-7, coefficients = muonCoefficients, adjustment = 'original' } = options;
  requireInRange('muon', { learningRate, weightDecay, eps, steps });
  requireBelowOne('muon', { momentum });
  if (adjustment !== 'original' && adjustment !== 'match_rms_adamw') {
    throw new RangeError(
      `muon: adjustment must be 'original' or 'match_rms_adamw', got ${JSON.stringify(adjustment)}`,
    );
  }
  return {
    name: 'muon',
    learningRate,
    whole: true,
    update(parameter, gradient, slots, _step, rate = learningRate, decay = true) {
      requireAxes('muon (other shapes are for adamW)', 'a parameter', parameter.shape, 'R,C');
      checkUpdate('muon', parameter, gradient, slots);
      const velocity = mix(slots?.[0], gradient, momentum);
      const ahead = nesterov ? mix(velocity, gradient, momentum) : velocity;
      const direction = newtonSchulz(ahead, { steps, eps, coefficients });
      const start = decay && weightDecay > 0 ? tf.mul(parameter, 1 - rate * weightDecay) : parameter;
      const adjusted = rate * muonRateFactor(parameter.shape as [number, number], adjustment);
      return { parameter: tf.sub(start, tf.mul(direction, adjusted)), slots: [velocity] };
    },
  };
}

/** What the shape [R,C] multiplies the learning rate by. */
export function muonRateFactor([R, C]: readonly [number, number], adjustment: MuonAdjustment): number {
  return adjustment === 'original'
    ? Math.sqrt(Math.max(1, C === 0 ? 1 : R / C))
    : 0.2 * Math.sqrt(Math.max(R, C));
}
