/**
 * What every strategy is given: a model as a list of layers, each a function with its parameters. Data parallelism and ZeRO gather and
 * reduce by layer, a pipeline cuts the list into stages, tensor, context and expert parallelism happen inside a layer.
 */
import type { tf } from '../compute/tf.js';
import type { Tape, Value } from './tape/index.js';

export interface Layer<Batch = unknown> {
  readonly name: string;
  /** Of this rank, by name; a parameter that two layers share has one name and is one variable. */
  readonly parameters: ReadonlyMap<string, tf.Variable>;
  /**
   * @param weights of this layer on the tape, by the names of `parameters`
   * @param x what the layer before gave; undefined at the first, which takes it from the batch
   * @returns what the next layer takes; the last gives the loss, a scalar
   */
  forward(
    tape: Tape,
    weights: ReadonlyMap<string, Value>,
    x: Value | undefined,
    batch: Batch,
  ): Promise<Value>;
}

/** All parameters of a model, each once, in the order in which the forward pass first uses them. */
export function parametersOf(layers: readonly Layer<never>[]): Map<string, tf.Variable> {
  return new Map(layers.flatMap(({ parameters }) => [...parameters]));
}

/** The parameters of a model on a tape, each once. */
export function weightsOf(tape: Tape, layers: readonly Layer<never>[]): Map<string, Value> {
  return new Map([...parametersOf(layers)].map(([name, variable]) => [name, tape.weight(variable)]));
}

/** One layer after the other. @returns the loss, or what the last of these layers gives */
export async function runLayers<Batch>(
  tape: Tape,
  layers: readonly Layer<Batch>[],
  weights: ReadonlyMap<string, Value>,
  batch: Batch,
  x?: Value,
): Promise<Value> {
  let value = x;
  for (const layer of layers) value = await layer.forward(tape, weights, value, batch);
  if (!value) throw new RangeError('runLayers: there is no layer to run');
  return value;
}
