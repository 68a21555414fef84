/** Golden operations: fine-tuning methods, in the names and meanings of `peft`. */
import type { NdArray } from '../../../compute/ndarray.js';
import { bottleneckAdapter } from '../../../training/fine-tuning/adapter.js';
import { doraLinear, mergeDora } from '../../../training/fine-tuning/dora.js';
import { ia3Linear } from '../../../training/fine-tuning/ia3.js';
import { type LoraScaling, loraLinear, loraScale, mergeLora } from '../../../training/fine-tuning/lora.js';
import type { LstmWeights } from '../../../training/fine-tuning/lstm.js';
import { promptEncoder } from '../../../training/fine-tuning/p-tuning.js';
import { prefixAttention, prefixEncoder, prefixKeysValues } from '../../../training/fine-tuning/prefix.js';
import { promptEmbedding } from '../../../training/fine-tuning/prompt.js';
import { attentionErrors } from '../bounds/attention.js';
import {
  adapterErrors,
  doraErrors,
  ia3Errors,
  loraErrors,
  mergedErrors,
  prefixErrors,
  promptEncoderErrors,
  promptErrors,
} from '../bounds/fine-tuning.js';
import { cut, leaf, spreadTo, sumTo, together } from '../bounds/tape.js';
import type { Parameters } from '../parameters.js';
import { type Bounded, exact } from '../running-error.js';
import type { Operation, Tensors } from './operation.js';

type Shaped = Readonly<Record<string, { readonly shape: readonly number[] } | undefined>>;

/** Rank and alpha as peft has them; a rank other than that of the factors is an error. */
function scaling(params: Parameters, { a }: Shaped): Required<LoraScaling> & { rank: number } {
  const rank = a!.shape[0]!;
  const said = params.number('rank', rank);
  if (said !== rank) throw new RangeError(`rank is ${said}, but a is [${a!.shape}]`);
  return { rank, alpha: params.number('alpha', rank), rsLora: params.boolean('useRslora', false) };
}

/** Dropped inputs are random: only none can be compared. */
function noDropout(params: Parameters, name: string): void {
  const dropout = params.number(name, 0);
  if (dropout !== 0) throw new RangeError(`${name} must be 0 in a case, got ${dropout}`);
}

function adaptedLinear(method: 'lora' | 'dora'): Operation {
  return {
    run: (inputs, params) => {
      const { x, w, a, b, bias, magnitude } = inputs;
      const options = { ...scaling(params, inputs), bias };
      if (method === 'lora') return { out: loraLinear(x!, w!, { a: a!, b: b! }, options) };
      return { out: doraLinear(x!, w!, { a: a!, b: b!, magnitude: magnitude! }, options) };
    },
    errors: ({ inputs, cotangents }, params) => {
      noDropout(params, 'dropout');
      const { rank, ...rule } = scaling(params, inputs);
      return (method === 'lora' ? loraErrors : doraErrors)(inputs, cotangents, loraScale(rank, rule));
    },
  };
}

const mergeOperation: Operation = {
  run: (inputs, params) => {
    const { w, a, b, magnitude } = inputs;
    const rule = scaling(params, inputs);
    const factors = { a: a!, b: b! };
    const dora = params.boolean('useDora', false);
    return {
      w: dora ? mergeDora(w!, { ...factors, magnitude: magnitude! }, rule) : mergeLora(w!, factors, rule),
    };
  },
  errors: ({ inputs }, params) => {
    const { rank, ...rule } = scaling(params, inputs);
    const magnitude = params.boolean('useDora', false) ? inputs.magnitude : undefined;
    return { out: { w: mergedErrors({ ...inputs, magnitude }, loraScale(rank, rule)) }, grad: {} };
  },
};

const ia3Operation: Operation = {
  run: ({ x, w, l, bias }, params) => ({
    out: ia3Linear(x!, w!, l!, { isFeedForward: params.boolean('isFeedforward', false), bias }),
  }),
  errors: ({ inputs, cotangents }, params) =>
    ia3Errors(inputs, cotangents, params.boolean('isFeedforward', false)),
};

const adapterOperation: Operation = {
  run: ({ x, wDown, bDown, wUp, bUp }) => ({
    out: bottleneckAdapter(x!, { wDown: wDown!, bDown, wUp: wUp!, bUp }),
  }),
  errors: ({ inputs, cotangents }) => adapterErrors(inputs, cotangents),
};

/** `count` is what a parameter says of an extent that the tensors have anyway. */
function mustBe(params: Parameters, name: string, extent: number): void {
  const said = params.number(name, extent);
  if (said !== extent) throw new RangeError(`${name} is ${said}, but the tensors have ${extent}`);
}

function prefixRule(params: Parameters) {
  return {
    causal: params.boolean('causal', false),
    window: params.number('window'),
    scale: params.number('scale'),
  };
}

const prefixAttentionOperation: Operation = {
  run: ({ q, k, v, pk, pv }, params, path) => ({
    out: prefixAttention(q!, k!, v!, { k: pk!, v: pv! }, { ...prefixRule(params), path }),
  }),
  errors: ({ inputs, cotangents }, params) => {
    const { q, k, v, pk, pv } = inputs;
    const [K, P, D] = pk!.shape as [number, number, number];
    const [B, , S] = k!.shape as [number, number, number];
    mustBe(params, 'prefix', P);
    const behind = (prefix: NdArray, rest: NdArray) =>
      together([spreadTo(leaf(prefix), [B, K, P, D]), leaf(rest)], 2);
    const dout = cotangents.out && exact(cotangents.out);
    const [keys, values] = [behind(pk!, k!), behind(pv!, v!)];
    const { out, ...d } = attentionErrors(exact(q!), keys, values, dout, prefixRule(params));
    if (!d.k || !d.v) return { out: { out }, grad: {} };
    // The prefix stands in front of every sequence: its gradients add up over the batch.
    const ofPrefix = (all: Bounded) => sumTo(cut(all, 2, 0, P), [K, P, D]);
    const grad = {
      q: d.q,
      k: cut(d.k, 2, P, S),
      v: cut(d.v, 2, P, S),
      pk: ofPrefix(d.k),
      pv: ofPrefix(d.v),
    };
    return { out: { out }, grad };
  },
};

const promptTuningOperation: Operation = {
  run: ({ prompt, embedding, ids }) => ({ out: promptEmbedding(prompt!, embedding!, ids!) }),
  errors: ({ inputs, cotangents }, params) => {
    mustBe(params, 'numVirtualTokens', inputs.prompt!.shape[0]!);
    return promptErrors(inputs, cotangents);
  },
};

/** An MLP, or two-layer LSTM with MLP unless `encoderNumLayers` says otherwise; the MLP alone has no such choice. */
function lstmLayers(params: Parameters, inputs: Shaped): number {
  const kind = params.oneOf('encoderReparameterizationType', ['MLP', 'LSTM'], 'MLP');
  const layers = params.number('encoderNumLayers', 2);
  noDropout(params, 'encoderDropout');
  mustBe(params, 'numVirtualTokens', inputs.embedding!.shape[0]!);
  mustBe(params, 'tokenDim', inputs.embedding!.shape[1]!);
  mustBe(params, 'encoderHiddenSize', inputs.w0!.shape[0]! / (kind === 'LSTM' ? 2 : 1));
  return kind === 'LSTM' ? layers : 0;
}

function lstmWeights(inputs: Tensors, layer: number, end: string): LstmWeights {
  const weight = (name: string) => inputs[`${name}_l${layer}${end}`]!;
  return {
    wInput: weight('weight_ih'),
    wHidden: weight('weight_hh'),
    bInput: weight('bias_ih'),
    bHidden: weight('bias_hh'),
  };
}

const promptEncoderOperation: Operation = {
  run: (inputs, params) => {
    const lstm = Array.from({ length: lstmLayers(params, inputs) }, (_, layer) => ({
      forward: lstmWeights(inputs, layer, ''),
      backward: lstmWeights(inputs, layer, '_reverse'),
    }));
    const mlp = [];
    for (let n = 0; inputs[`w${n}`]; n++) mlp.push({ w: inputs[`w${n}`]!, b: inputs[`b${n}`]! });
    return { out: promptEncoder(inputs.embedding!, { mlp, ...(lstm.length > 0 && { lstm }) }) };
  },
  errors: ({ inputs, cotangents }, params) =>
    promptEncoderErrors(inputs, cotangents, lstmLayers(params, inputs)),
};

function prefixShape(params: Parameters) {
  return {
    layers: params.requiredNumber('numLayers'),
    heads: params.requiredNumber('numAttentionHeads'),
    batch: params.number('batchSize', 1),
  };
}

const prefixTuningOperation: Operation = {
  run: ({ embedding, w0, b0, w1, b1 }, params) => {
    const mlp = params.boolean('prefixProjection', false)
      ? { w0: w0!, b0: b0!, w1: w1!, b1: b1! }
      : undefined;
    return { ...prefixKeysValues(prefixEncoder(embedding!, mlp), prefixShape(params)) };
  },
  errors: ({ inputs, cotangents }, params) => {
    const { embedding, ...mlp } = inputs;
    mustBe(params, 'numVirtualTokens', embedding!.shape[0]!);
    const projection = params.boolean('prefixProjection', false);
    return prefixErrors({ embedding, ...(projection && mlp) }, cotangents, prefixShape(params));
  },
};

export const fineTuningOperations = {
  adapter: adapterOperation,
  dora_linear: adaptedLinear('dora'),
  ia3_linear: ia3Operation,
  lora_linear: adaptedLinear('lora'),
  lora_merge: mergeOperation,
  p_tuning: promptEncoderOperation,
  prefix_attention: prefixAttentionOperation,
  prefix_tuning: prefixTuningOperation,
  prompt_tuning: promptTuningOperation,
} as const satisfies Record<string, Operation>;
