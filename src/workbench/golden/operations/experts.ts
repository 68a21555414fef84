/** Golden operations: mixtures of experts. Expert weights are stacked there: wGate, wUp [E,F,C] and wDown [E,C,F]. */
import { type NdArray, ndarray, sizeOf } from '../../../compute/ndarray.js';
import { tf } from '../../../compute/tf.js';
import { mixtureOfExperts } from '../../../layers/moe/mixture-of-experts.js';
import { mixtureOfExpertsErrors } from '../bounds/mixture-of-experts.js';
import type { Parameters } from '../parameters.js';
import { type Bounded, reshape } from '../running-error.js';
import type { Operation } from './operation.js';

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

export const expertOperations = { moe_swiglu: moeSwiGluOperation } as const satisfies Record<
  string,
  Operation
>;
