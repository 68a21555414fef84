/** All layouts of a model on a number of GPUs that fit, fastest first. */

import type { ModelShape } from '../../training/metrics/model-shape.js';
import type { Layout, ZeroStage } from './layout.js';
import { type Plan, type PlanOptions, plan } from './plan.js';

/** @param base what is not searched: GPUs, sequence, micro-batch, tokens of a step, recomputation, context and expert ranks */
export function searchLayouts(
  shape: ModelShape,
  base: Layout,
  sequences: number,
  options: PlanOptions,
): Plan[] {
  const found: Plan[] = [];
  const powers = [1, 2, 4, 8, 16, 32, 64].filter((count) => count <= base.gpus);
  for (const tensor of powers.filter((count) => count <= 8))
    for (const pipeline of powers)
      for (const virtual of pipeline > 1 ? [1, 2, 4] : [1])
        for (const zero of [0, 1, 2, 3] as ZeroStage[]) {
          // ZeRO 2 and 3 would reduce or gather for every micro-batch of a pipeline.
          if (pipeline > 1 && zero > 1) continue;
          const ranks = base.gpus / (tensor * pipeline * base.context);
          const microBatches = sequences / (ranks * base.microBatch);
          const layout = { ...base, tensor, pipeline, virtual, zero, microBatches };
          try {
            const one = plan(shape, layout, options);
            if (one.fits) found.push(one);
          } catch (error) {
            if (!(error instanceof RangeError)) throw error;
          }
        }
  return found.sort((a, b) => a.secondsPerStep!.total - b.secondsPerStep!.total);
}
