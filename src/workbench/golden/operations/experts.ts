/** Golden operations: mixtures of experts. Expert weights are stacked there: wGate, wUp [E,F,C] and wDown [E,C,F]. */
import { type NdArray, ndarray, sizeOf } from '../../../compute/ndarray.js';
import { tf } from '../../../compute/tf.js';
import { routeWithBias, updatedBias } from '../../../layers/moe/bias-balance.js';
import { capacityExperts, expertChoice, switchExperts } from '../../../layers/moe/capacity.js';
import { routerZLoss } from '../../../layers/moe/losses.js';
import { mixtureOfExperts } from '../../../layers/moe/mixture-of-experts.js';
import { mixtureOfExpertsErrors } from '../bounds/mixture-of-experts.js';
import {
  balance,
  biasWeights,
  meanOf,
  mixture,
  ranked,
  reluExpert,
  renormalised,
  routed,
  swiGluExpert,
  zLoss,
} from '../bounds/routed-experts.js';
import { gradients, leaf, type Recorded, reshaped, scaled } from '../bounds/tape.js';
import type { GoldenCase } from '../case.js';
import type { Parameters } from '../parameters.js';
import { type Bounded, exact, reshape, rounded } from '../running-error.js';
import type { Operation, Tensors } from './operation.js';

const moeSwiGluOperation: Operation = {
  run: ({ x, router, wGate, wUp, wDown }, params) => {
    const [gates, ups, downs] = [wGate!, wUp!, wDown!].map((stacked) => tf.unstack(stacked));
    const experts = gates!.map((gate, e) => ({ wGate: gate, wUp: ups![e]!, wDown: downs![e]! }));
    return { ...mixtureOfExperts(x!, { router: router!, experts }, routing(params)) };
  },
  errors: ({ inputs, cotangents }, params) => {
    const { x, router, wGate, wUp, wDown } = inputs as Record<string, NdArray>;
    const [C, E] = [x!.shape[x!.shape.length - 1]!, router!.shape[0]!];
    const rows = (a: NdArray) => ndarray([sizeOf(a.shape) / C, C], a.data);
    const experts = Array.from({ length: E }, (_, e) => ({
      wGate: part(wGate!, e),
      wUp: part(wUp!, e),
      wDown: part(wDown!, e),
    }));
    const d = cotangents.out && {
      out: rows(cotangents.out),
      switchLoss: cotangents.switchLoss?.data[0] ?? 0,
      zLoss: cotangents.zLoss?.data[0] ?? 0,
    };
    const weights = { router: router!, experts };
    const { out, switchLoss, zLoss, gradients } = mixtureOfExpertsErrors(
      rows(x!),
      weights,
      routing(params),
      d,
    );
    return {
      out: { out: reshape(out, x!.shape), switchLoss, zLoss },
      grad: gradients
        ? {
            x: reshape(gradients.x, x!.shape),
            router: gradients.router,
            wGate: stack(gradients.experts.map((expert) => expert.wGate)),
            wUp: stack(gradients.experts.map((expert) => expert.wUp)),
            wDown: stack(gradients.experts.map((expert) => expert.wDown)),
          }
        : {},
    };
  },
};

function routing(params: Parameters): { topK: number; renormalise: boolean } {
  return { topK: params.requiredNumber('topK'), renormalise: params.boolean('renormalise', true) };
}

function part(stacked: NdArray, e: number): NdArray {
  const shape = stacked.shape.slice(1);
  const size = sizeOf(shape);
  return ndarray(shape, stacked.data.subarray(e * size, (e + 1) * size));
}

function stack(parts: readonly Bounded[]): Bounded {
  const join = (of: (bounded: Bounded) => NdArray) =>
    ndarray(
      [parts.length, ...parts[0]!.value.shape],
      parts.flatMap((bounded) => [...of(bounded).data]),
    );
  return { value: join((bounded) => bounded.value), error: join((bounded) => bounded.error) };
}

/** Tokens in line for places: keeps the first `capacity` of each expert. @param line pairs of token row and expert, in order */
function keepFirst(
  line: readonly (readonly [row: number, e: number])[],
  E: number,
  capacity: number | undefined,
) {
  const taken = Array<number>(E).fill(0);
  return line.filter(([, e]) => taken[e]!++ < (capacity ?? Number.POSITIVE_INFINITY));
}

const maskOf = (N: number, E: number, pairs: readonly (readonly [number, number])[]): NdArray => {
  const mask = ndarray([N, E]);
  for (const [row, e] of pairs) mask.data[row * E + e] = 1;
  return mask;
};

function capacity(params: Parameters, even: number): number | undefined {
  const factor = params.number('capacityFactor');
  const given = params.number('capacity');
  const own = factor === undefined ? undefined : Math.ceil(factor * even);
  if (given !== undefined && given !== own)
    throw new RangeError(`capacity ${given} is not ceil(capacityFactor · ${even}) = ${own}`);
  return own;
}

/** By name, of outputs and of inputs. */
function found(
  outputs: Record<string, Recorded>,
  inputs: Record<string, Recorded>,
  { cotangents, gradients: wanted }: GoldenCase,
  others: Record<string, NdArray>,
) {
  const names = Object.keys(wanted);
  const results = gradients(
    Object.entries(outputs).map(([name, output]) => [output, cotangents[name]] as const),
    names.map((name) => inputs[name]!),
  );
  return {
    out: {
      ...outputs,
      ...Object.fromEntries(Object.entries(others).map(([name, value]) => [name, exact(value)])),
    },
    grad: Object.fromEntries(names.map((name, n) => [name, results[n]])),
  };
}

const leaves = (inputs: GoldenCase['inputs']): Record<string, Recorded> =>
  Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, leaf(value)]));

const stackedRelu = ({ w1, w2 }: Tensors) => {
  const [first, second] = [tf.unstack(w1!), tf.unstack(w2!)];
  return first.map((one, e) => ({ w1: one, w2: second[e]! }));
};

const moeSwitch: Operation = {
  run: ({ x, router, w1, w2 }, params) => {
    const factor = params.number('capacityFactor');
    const { out, dropped, loads, loss } = switchExperts(
      x!,
      { router: router!, experts: stackedRelu({ w1: w1!, w2: w2! }) },
      factor === undefined ? {} : { capacityFactor: factor },
    );
    return { out, dropped, loads, loss: tf.mul(loss, params.number('alpha', 1)) };
  },
  errors: (golden, params) => {
    const inputs = leaves(golden.inputs);
    const [B, T, C] = golden.inputs.x!.shape as [number, number, number];
    const E = golden.inputs.router!.shape[0]!;
    const x = reshaped(inputs.x!, [B * T, C]);
    const probabilities = routed(x, inputs.router!);
    const best = ranked(probabilities.value, 1).map(([e]) => e!);
    const places = capacity(params, T / E);
    const all = best.map((e, row) => [row, e] as const);
    const groups = Array.from({ length: B }, (_, row) => all.slice(row * T, (row + 1) * T));
    const kept = maskOf(
      B * T,
      E,
      groups.flatMap((line) => keepFirst(line, E, places)),
    );
    const chosen = maskOf(B * T, E, all);
    const outputs = Array.from({ length: E }, (_, e) => reluExpert(x, { w1: inputs.w1!, w2: inputs.w2! }, e));
    const loss = meanOf(groups.map((_, row) => balance(probabilities, chosen, row * T, T)));
    const sums = ndarray([B, E]);
    for (const [row, e] of all) sums.data[Math.floor(row / T) * E + e]! += 1;
    const dropped = ndarray(
      [B, T],
      best.map((e, row) => 1 - kept.data[row * E + e]!),
    );
    return found(
      {
        out: reshaped(mixture(outputs, probabilities, kept), [B, T, C]),
        loss: scaled(loss, params.number('alpha', 1)),
      },
      inputs,
      golden,
      { loads: sums, dropped },
    );
  },
};

const moeTopK: Operation = {
  run: ({ x, router, wGate, wUp, wDown }, params) => {
    const [gates, ups, downs] = [wGate!, wUp!, wDown!].map((stacked) => tf.unstack(stacked));
    const experts = gates!.map((gate, e) => ({ wGate: gate, wUp: ups![e]!, wDown: downs![e]! }));
    const factor = params.number('capacityFactor');
    const options = { ...routing(params), ...(factor !== undefined && { capacityFactor: factor }) };
    return { ...capacityExperts(x!, { router: router!, experts }, options) };
  },
  errors: (golden, params) => {
    const inputs = leaves(golden.inputs);
    const N = golden.inputs.x!.shape[0]!;
    const E = golden.inputs.router!.shape[0]!;
    const { topK, renormalise } = routing(params);
    const probabilities = routed(inputs.x!, inputs.router!);
    const choices = ranked(probabilities.value, topK);
    const line = Array.from({ length: topK }, (_, k) =>
      choices.map((own, row) => [row, own[k]!] as const),
    ).flat();
    const kept = maskOf(N, E, keepFirst(line, E, capacity(params, (topK * N) / E)));
    const chosen = maskOf(N, E, line);
    const weights = renormalise ? renormalised(probabilities, chosen) : probabilities;
    const stacked = [inputs.wGate!, inputs.wUp!, inputs.wDown!];
    const outputs = Array.from({ length: E }, (_, e) => swiGluExpert(inputs.x!, stacked, e));
    const loads = ndarray([E]);
    for (const [, e] of line) loads.data[e]! += 1;
    const dropped = ndarray(
      [N, topK],
      choices.flatMap((own, row) => own.map((e) => 1 - kept.data[row * E + e]!)),
    );
    return found(
      { out: mixture(outputs, weights, kept), auxLoss: balance(probabilities, chosen, 0, N) },
      inputs,
      golden,
      { loads, dropped },
    );
  },
};

const expertChoiceOperation: Operation = {
  run: ({ x, router, w1, w2 }, params) => ({
    ...expertChoice(
      x!,
      { router: router!, experts: stackedRelu({ w1: w1!, w2: w2! }) },
      { capacityFactor: params.number('capacityFactor', 1) },
    ),
  }),
  errors: (golden, params) => {
    const inputs = leaves(golden.inputs);
    const N = golden.inputs.x!.shape[0]!;
    const E = golden.inputs.router!.shape[0]!;
    const places = Math.min(N, Math.floor((params.number('capacityFactor', 1) * N) / E));
    const given = params.number('capacity', places);
    if (given !== places)
      throw new RangeError(`capacity ${given} is not floor(capacityFactor · N / E) = ${places}`);
    const scores = routed(inputs.x!, inputs.router!);
    const columns = ndarray(
      [E, N],
      Array.from({ length: E * N }, (_, at) => scores.value.data[(at % N) * E + Math.floor(at / N)]!),
    );
    const selected = ranked(columns, places);
    const kept = maskOf(
      N,
      E,
      selected.flatMap((rows, e) => rows.map((row) => [row, e] as const)),
    );
    const outputs = Array.from({ length: E }, (_, e) =>
      reluExpert(inputs.x!, { w1: inputs.w1!, w2: inputs.w2! }, e),
    );
    return found({ out: mixture(outputs, scores, kept) }, inputs, golden, {
      selected: ndarray([E, places], selected.flat()),
    });
  },
};

const zLossOperation: Operation = {
  run: ({ logits }) => ({ zLoss: routerZLoss(logits!) }),
  errors: (golden) => {
    const logits = leaf(golden.inputs.logits!);
    const { shape } = golden.inputs.logits!;
    const rows = reshaped(logits, [sizeOf(shape.slice(0, -1)), shape.at(-1)!]);
    return found({ zLoss: zLoss(rows) }, { logits }, golden, {});
  },
};

const biasBalance: Operation = {
  run: ({ logits, bias }, params) => {
    const { selected, weights, loads } = routeWithBias(logits!, bias!, {
      topK: params.requiredNumber('topK'),
      scale: params.number('routedScalingFactor', 1),
    });
    return { selected, weights, loads, bias: updatedBias(bias!, loads, params.number('updateRate', 0.001)) };
  },
  errors: (golden, params) => {
    const inputs = leaves(golden.inputs);
    const [N, E] = golden.inputs.logits!.shape as [number, number];
    const { bias, logits } = golden.inputs;
    const topK = params.requiredNumber('topK');
    const shifted = ndarray(
      [N, E],
      logits!.data.map((value, at) => 1 / (1 + Math.exp(-value)) + bias!.data[at % E]!),
    );
    const selected = ranked(shifted, topK);
    const loads = ndarray([E]);
    for (const e of selected.flat()) loads.data[e]! += 1;
    const rate = params.number('updateRate', 0.001);
    const moved = bias!.data.map((value, e) => value + rate * Math.sign((N * topK) / E - loads.data[e]!));
    const weights = biasWeights(inputs.logits!, selected, params.number('routedScalingFactor', 1));
    const results = found({ weights }, inputs, golden, {
      loads,
      selected: ndarray([N, topK], selected.flat()),
    });
    return { ...results, out: { ...results.out, bias: rounded(ndarray([E], moved)) } };
  },
};

export const expertOperations = {
  bias_balance_update: biasBalance,
  expert_choice: expertChoiceOperation,
  moe_swiglu: moeSwiGluOperation,
  moe_switch: moeSwitch,
  moe_top_k: moeTopK,
  router_z_loss: zLossOperation,
} as const satisfies Record<string, Operation>;
