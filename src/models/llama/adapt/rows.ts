/** A batch whose rows have adapters of their own: the factors of the rows are stacked and multiplied row by row. */

import { requireAxes } from '../../../compute/shapes.js';
import { tf } from '../../../compute/tf.js';
import { linear } from '../../../layers/linear/linear.js';
import { loraScale } from '../../../training/fine-tuning/lora.js';
import type { LlamaAdaptation } from '../adaptation.js';
import { type Adapter, layerLike } from './adapter.js';
import { LoraAdapter } from './lora-adapter.js';

/**
 * x W^T + s_b (x A_b^T) B_b^T for row b of the batch. Ranks may differ: the smaller ones are filled up with zeros.
 * @param rows the adapter of each row, or undefined for none
 * @throws Error for an adapter that is not plain LoRA.
 */
export function rowsOfLora(rows: readonly (Adapter | undefined)[]): LlamaAdaptation {
  const adapters = rows.map((adapter) => {
    if (adapter === undefined || (adapter instanceof LoraAdapter && !adapter.method.dora)) return adapter;
    throw new Error(
      `AdaptedLlama: rows of one batch can have LoRA adapters of their own, not ${adapter.method.method}`,
    );
  }) as (LoraAdapter | undefined)[];
  return {
    weight: (module, inner) => {
      const factors = adapters.map((adapter) => adapter?.factors(module));
      const ranks = factors.map((own) => own?.a.shape[0] ?? 0);
      const rank = Math.max(...ranks);
      if (!(rank > 0)) return inner;
      const [out, width] = inner.shape as [number, number];
      return layerLike(inner, (x, bias) => {
        requireAxes('AdaptedLlama', 'x', x.shape, 'B,T,C');
        const a = tf.stack(
          factors.map((own) =>
            own
              ? tf.pad(own.a, [
                  [0, rank - own.a.shape[0]!],
                  [0, 0],
                ])
              : tf.zeros([rank, width]),
          ),
        );
        const b = tf.stack(
          factors.map((own) => {
            if (!own) return tf.zeros([out, rank]);
            const scaled = tf.mul(own.b, loraScale(own.a.shape[0]!, own.rule));
            return tf.pad(scaled, [
              [0, 0],
              [0, rank - own.a.shape[0]!],
            ]);
          }),
        );
        const delta = tf.matMul(tf.matMul(x, a, false, true), b, false, true);
        return tf.add(linear(x, inner, bias), delta);
      });
    },
  };
}
