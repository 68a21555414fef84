/** Gradients summed over micro-batches: by stage and parameter, so that the bits do not depend on how the stages' passes alternate. */
import { tf } from '../../../compute/tf.js';

export class GradientSums {
  readonly #sums = new Map<number, Map<string, tf.Tensor>>();

  /** @param gradient stays the caller's */
  add(stage: number, name: string, gradient: tf.Tensor): void {
    const own = this.#sums.get(stage) ?? new Map<string, tf.Tensor>();
    this.#sums.set(stage, own);
    const before = own.get(name);
    own.set(name, before ? tf.add(before, gradient) : tf.clone(gradient));
    before?.dispose();
  }

  /**
   * The gradients by parameter, the caller's from now on. A parameter of several stages gets the sum of theirs, the last stage first, as
   * a backward pass meets them; one that no micro-batch used gets zeros.
   */
  take(parameters: ReadonlyMap<string, tf.Tensor>): Map<string, tf.Tensor> {
    const all = new Map<string, tf.Tensor>();
    for (const stage of [...this.#sums.keys()].sort((a, b) => b - a)) {
      for (const [name, gradient] of this.#sums.get(stage)!) {
        const before = all.get(name);
        all.set(name, before ? tf.add(before, gradient) : gradient);
        if (before) tf.dispose([before, gradient]);
      }
    }
    this.#sums.clear();
    return new Map(
      [...parameters].map(([name, parameter]) => [name, all.get(name) ?? tf.zerosLike(parameter)]),
    );
  }

  dispose(): void {
    for (const own of this.#sums.values()) tf.dispose([...own.values()]);
    this.#sums.clear();
  }
}
