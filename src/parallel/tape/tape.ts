/**
 * Reverse-mode differentiation across awaits. tfjs differentiates a function that runs at once; the forward pass of a rank stops in its middle
 * to hear from the others. A tape is a list of operators, each with a backward pass that may wait as well; between them tfjs computes.
 */
import { tf } from '../../compute/tf.js';
import { type LocalFunction, localOperator, type Operator } from './operator.js';
import { Value } from './value.js';

interface Node {
  operator: Operator;
  inputs: Value[];
  outputs: Value[];
}

export interface BackwardOptions {
  /** Leaves the gradients of weights to `backwardOfWeights`: the zero-bubble schedules' I, then W. */
  deferWeights?: boolean;
}

/**
 * One forward pass and its backward pass. All tensors made on the way belong to the tape until `dispose`; weights and inputs stay
 * their owner's.
 */
export class Tape {
  readonly #nodes: Node[] = [];
  readonly #values: Value[] = [];
  #deferred: { node: Node; gradients: tf.Tensor[] }[] = [];
  #owned = new Set<tf.Tensor>();

  /** A parameter. Its gradient is complete when every node that used it has been passed backwards. */
  weight(tensor: tf.Tensor): Value {
    return this.#value(tensor, 'weight', true);
  }

  /** What the pass begins with: ids (no gradient), or what the stage before has sent. */
  input(tensor: tf.Tensor): Value {
    return this.#value(tensor, 'input', tensor.dtype === 'float32');
  }

  /** A function of tensors that stays on this rank; gradients are tfjs's. */
  local(name: string, f: LocalFunction, ...inputs: Value[]): Value {
    const operator = localOperator(name, f);
    return this.#record(
      operator,
      inputs,
      operator.forward(inputs.map(({ tensor }) => tensor)) as tf.Tensor[],
    )[0]!;
  }

  async apply(operator: Operator, ...inputs: Value[]): Promise<Value> {
    return (await this.applyAll(operator, ...inputs))[0]!;
  }

  /** For operators with several results. */
  async applyAll(operator: Operator, ...inputs: Value[]): Promise<Value[]> {
    return this.#record(operator, inputs, await operator.forward(inputs.map(({ tensor }) => tensor)));
  }

  /**
   * Gradients of everything `output` depends on.
   * @param gradient of the loss by `output`; absent: 1, for a scalar
   */
  async backward(
    output: Value,
    gradient?: tf.Tensor,
    { deferWeights = false }: BackwardOptions = {},
  ): Promise<void> {
    if (gradient === undefined && output.tensor.size !== 1)
      throw new RangeError(
        `backward: an output of shape [${output.shape}] needs the gradient of the loss by it; only a scalar's is 1`,
      );
    this.#add(output, gradient === undefined ? tf.onesLike(output.tensor) : tf.clone(gradient));
    for (const node of this.#nodes.toReversed()) {
      const reached = node.outputs.some((value) => value.gradient);
      const gradients = reached ? this.#take(node.outputs) : [];
      const isLater = (value: Value) => deferWeights && reached && value.kind === 'weight';
      if (reached) await this.#pass(node, gradients, (value) => !isLater(value));
      if (node.inputs.some(isLater)) this.#deferred.push({ node, gradients });
      else for (const one of gradients) this.#free(one);
      for (const value of node.inputs) if (!isLater(value)) await this.#passed(value);
    }
  }

  /** The second half of a backward pass that deferred the weights. */
  async backwardOfWeights(): Promise<void> {
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const { node, gradients } of deferred) {
      await this.#pass(node, gradients, ({ kind }) => kind === 'weight');
      for (const one of gradients) this.#free(one);
      for (const value of node.inputs) if (value.kind === 'weight') await this.#passed(value);
    }
  }

  /** Frees a gradient before the tape is disposed: its owner has copied it. */
  freeGradient(value: Value): void {
    if (value.gradient) this.#free(value.gradient);
    value.gradient = undefined;
  }

  /** Bytes of the tensors that the tape keeps between the passes, without weights and inputs. */
  get bytes(): number {
    return [...this.#owned].reduce((sum, { size }) => sum + size * 4, 0);
  }

  /** Frees what the passes made, gradients included. */
  dispose(): void {
    for (const tensor of this.#owned) tensor.dispose();
    this.#owned.clear();
    for (const value of this.#values) value.gradient = undefined;
    this.#nodes.length = 0;
    this.#values.length = 0;
    this.#deferred = [];
  }

  #value(tensor: tf.Tensor, kind: Value['kind'], differentiable: boolean): Value {
    const value = new Value(tensor, kind, differentiable);
    this.#values.push(value);
    return value;
  }

  #record(operator: Operator, inputs: Value[], tensors: tf.Tensor[]): Value[] {
    const differentiable = inputs.some((input) => input.differentiable);
    const outputs = tensors.map((tensor) => {
      this.#owned.add(tensor);
      return this.#value(tensor, 'result', differentiable && tensor.dtype === 'float32');
    });
    if (!differentiable) return outputs;
    for (const input of inputs) input.pending++;
    this.#nodes.push({ operator, inputs, outputs });
    return outputs;
  }

  async #pass(node: Node, gradients: tf.Tensor[], isWanted: (value: Value) => boolean): Promise<void> {
    const wanted = node.inputs.map((value) => value.differentiable && isWanted(value));
    if (!wanted.includes(true)) return;
    const tensors = node.inputs.map(({ tensor }) => tensor);
    const outputs = node.outputs.map(({ tensor }) => tensor);
    const found = await node.operator.backward(tensors, gradients, wanted, outputs);
    for (const [index, gradient] of found.entries()) {
      if (gradient && wanted[index]) this.#add(node.inputs[index]!, gradient);
      else gradient?.dispose();
    }
  }

  #take(outputs: Value[]): tf.Tensor[] {
    return outputs.map((value) => {
      const gradient = value.gradient ?? this.#own(tf.zerosLike(value.tensor));
      value.gradient = undefined;
      return gradient;
    });
  }

  #add(value: Value, gradient: tf.Tensor): void {
    this.#own(gradient);
    if (!value.gradient) {
      value.gradient = gradient;
      return;
    }
    const sum = this.#own(tf.add(value.gradient, gradient));
    this.#free(value.gradient);
    this.#free(gradient);
    value.gradient = sum;
  }

  async #passed(value: Value): Promise<void> {
    value.pending--;
    if (value.pending === 0 && value.gradient) await value.hook?.(value.gradient);
  }

  #own(tensor: tf.Tensor): tf.Tensor {
    this.#owned.add(tensor);
    return tensor;
  }

  #free(tensor: tf.Tensor): void {
    if (!this.#owned.delete(tensor)) return;
    tensor.dispose();
  }
}
