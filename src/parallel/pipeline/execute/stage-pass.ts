/** One stage's passes for one micro-batch: the tape that lives from F to B, or to W. */
import { tf } from '../../../compute/tf.js';
import { type Layer, runLayers, weightsOf } from '../../layer.js';
import { Tape, type Value } from '../../tape/index.js';

export class StagePass<Batch> {
  readonly #tape = new Tape();
  readonly #weights: ReadonlyMap<string, Value>;
  readonly #input: Value | undefined;
  #output: Value | undefined;

  /** @param received what the stage before gave, from now on this pass's; undefined at the first stage */
  constructor(
    private readonly layers: readonly Layer<Batch>[],
    private readonly received: tf.Tensor | undefined,
  ) {
    this.#weights = weightsOf(this.#tape, layers);
    this.#input = received && this.#tape.input(received);
  }

  /** @returns what the next stage takes, or the loss; it stays the tape's */
  async forward(batch: Batch): Promise<tf.Tensor> {
    this.#output = await runLayers(this.#tape, this.layers, this.#weights, batch, this.#input);
    return this.#output.tensor;
  }

  /** @param gradient of the loss by this stage's output @param deferWeights leaves theirs to `backwardOfWeights` */
  backward(gradient: tf.Tensor, deferWeights: boolean): Promise<void> {
    return this.#tape.backward(this.#output!, gradient, { deferWeights });
  }

  backwardOfWeights(): Promise<void> {
    return this.#tape.backwardOfWeights();
  }

  /** Of the loss by what the stage before gave, new; zeros where the stage made nothing of it. */
  inputGradient(): tf.Tensor {
    const { gradient, tensor } = this.#input!;
    return gradient ? tf.clone(gradient) : tf.zerosLike(tensor);
  }

  /** Of the weights that the output depends on; the tape frees them. */
  get weightGradients(): [name: string, gradient: tf.Tensor][] {
    return [...this.#weights].flatMap(([name, { gradient }]) => (gradient ? [[name, gradient]] : []));
  }

  /** Bytes kept between the passes, with what was received. */
  get bytes(): number {
    return this.#tape.bytes + 4 * (this.received?.size ?? 0);
  }

  dispose(): void {
    this.#tape.dispose();
    this.received?.dispose();
  }
}
