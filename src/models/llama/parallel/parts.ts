/** What the layers of a parallel Llama share. */
import type { tf } from '../../../compute/tf.js';
import type { Communicator } from '../../../parallel/communicator/index.js';
import type { ContextForm } from '../../../parallel/context-parallel/index.js';
import { copyWeights } from '../../../parallel/copied-weights.js';
import type { Tape, Value } from '../../../parallel/tape/index.js';
import type { TensorGroup } from '../../../parallel/tensor-parallel/index.js';
import type { LlamaConfig } from '../config.js';
import { type LlamaBatch, type LlamaGroups, type OwnTokens, ownTokens } from './batch.js';
import type { Placement } from './placement.js';

export class LlamaParts {
  readonly tensorGroup: TensorGroup;

  constructor(
    readonly config: LlamaConfig,
    readonly groups: LlamaGroups,
    readonly form: ContextForm,
    readonly sequenceParallel: boolean,
    readonly placements: ReadonlyMap<string, Placement>,
    readonly variables: ReadonlyMap<string, tf.Variable>,
    /** Ranks that hold the same key/value heads. */
    readonly kvGroup: Communicator | undefined,
  ) {
    this.tensorGroup = { comm: groups.tensor, sequenceParallel };
  }

  tokens(batch: LlamaBatch): OwnTokens {
    const { form, sequenceParallel } = this;
    return ownTokens(batch, this.groups, { V: this.config.V, form, sequenceParallel });
  }

  /** The variables of these names, of those that this rank has. */
  parameters(isOwn: (name: string) => boolean): ReadonlyMap<string, tf.Variable> {
    return new Map([...this.variables].filter(([name]) => isOwn(name)));
  }

  /**
   * A layer's weights for use on this rank's tokens: their gradients are summed over the ranks that see other tokens, the context
   * ranks, and, unless an expert gets its tokens from all of them, the expert ranks.
   */
  async weights(
    tape: Tape,
    weights: ReadonlyMap<string, Value>,
    own: ReadonlyMap<string, unknown>,
  ): Promise<LayerWeights> {
    const { context, expert } = this.groups;
    const values = new Map([...own.keys()].map((name) => [name, weightOf(weights, name)]));
    const whole = await copyWeights(tape, context, values);
    const isExpert = (name: string) => this.placements.get(name)!.expert !== undefined;
    const common = new Map([...whole].filter(([name]) => !isExpert(name)));
    return new LayerWeights(new Map([...whole, ...(await copyWeights(tape, expert, common))]));
  }
}

export class LayerWeights {
  constructor(private readonly values: ReadonlyMap<string, Value>) {}

  of(name: string): Value {
    return weightOf(this.values, name);
  }

  maybe(name: string): Value | undefined {
    return this.values.get(name);
  }
}

function weightOf(values: ReadonlyMap<string, Value>, name: string): Value {
  const value = values.get(name);
  if (!value)
    throw new RangeError(`the weight '${name}' is not on the tape; put all of weightsOf(tape, layers) there`);
  return value;
}
