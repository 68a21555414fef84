/**
 * Loss scaling (Micikevicius et al. 2018, Mixed Precision Training, arXiv:1710.03740): small gradients vanish in half precision, so the loss is
 * multiplied before the backward pass and the gradients are divided after it, in float32, before they are clipped. The rule of
 * torch.amp.GradScaler.
 */

import { read } from '../../compute/read.js';
import { tf } from '../../compute/tf.js';

export interface LossScalerOptions {
  /** Default 65536. */
  initScale?: number;
  /** After `growthInterval` steps in a row without overflow; 1 for a static scale. Default 2. */
  growthFactor?: number;
  /** After an overflow; 1 for a static scale. Default 0.5. */
  backoffFactor?: number;
  /** Default 2000. */
  growthInterval?: number;
  /** The scale never falls below it. Default 0: no floor, as in PyTorch. */
  minScale?: number;
}

const caller = 'LossScaler';

export class LossScaler {
  #scale: number;
  #clean = 0;
  readonly #options: Required<LossScalerOptions>;

  /** @throws RangeError when an option is out of range */
  constructor(options: LossScalerOptions = {}) {
    const all = {
      initScale: 65536,
      growthFactor: 2,
      backoffFactor: 0.5,
      growthInterval: 2000,
      minScale: 0,
      ...options,
    };
    const { initScale, growthFactor, backoffFactor, growthInterval, minScale } = all;
    if (!(initScale > 0 && Number.isFinite(Math.fround(initScale))))
      throw new RangeError(`${caller}: initScale must be a positive float32, got ${initScale}`);
    if (!(growthFactor >= 1))
      throw new RangeError(`${caller}: growthFactor must be at least 1, got ${growthFactor}`);
    if (!(backoffFactor > 0 && backoffFactor <= 1))
      throw new RangeError(`${caller}: backoffFactor must be above 0 and at most 1, got ${backoffFactor}`);
    if (!(Number.isInteger(growthInterval) && growthInterval >= 1))
      throw new RangeError(`${caller}: growthInterval must be a whole number from 1, got ${growthInterval}`);
    if (!(minScale >= 0)) throw new RangeError(`${caller}: minScale must not be negative, got ${minScale}`);
    this.#options = all;
    this.#scale = Math.fround(initScale);
  }

  /** What the loss of the next backward pass is multiplied by; a float32. */
  get scale(): number {
    return this.#scale;
  }

  /**
   * Divides gradients by the scale, in float32, and looks for what is not finite. The caller owns the results.
   * @returns `overflow`: the step must be skipped; say so to `update`
   */
  async unscale(gradients: readonly tf.Tensor[]): Promise<{ gradients: tf.Tensor[]; overflow: boolean }> {
    const [unscaled, finite] = tf.tidy(() => {
      // By division: the reciprocal of a large scale would be subnormal, which GPUs flush to zero.
      const divided = gradients.map((gradient) => tf.div(tf.cast(gradient, 'float32'), this.#scale));
      const checks = divided.map((gradient) => tf.all(tf.isFinite(gradient)));
      return [divided, checks.length > 0 ? tf.all(tf.stack(checks)) : tf.scalar(true, 'bool')] as const;
    });
    const [ok] = await read(finite);
    finite.dispose();
    return { gradients: unscaled, overflow: !ok };
  }

  /** After each step, taken or skipped: backs off after an overflow, grows after enough clean steps. */
  update(overflow: boolean): void {
    const { growthFactor, backoffFactor, growthInterval, minScale } = this.#options;
    if (overflow) {
      this.#clean = 0;
      this.#scale = Math.max(minScale, Math.fround(this.#scale * backoffFactor));
      return;
    }
    this.#clean++;
    if (this.#clean < growthInterval) return;
    this.#clean = 0;
    const larger = Math.fround(this.#scale * growthFactor);
    if (Number.isFinite(larger)) this.#scale = larger;
  }
}
