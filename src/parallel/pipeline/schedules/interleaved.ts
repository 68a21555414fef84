/** The schedules in which a rank holds v stages, P apart, and goes through them in rounds of P micro-batches. */
import type { Schedule } from '../action.js';
import { loopPlacement } from '../placement.js';
import { RankOrder } from './rank-order.js';

interface Rounds {
  ranks: number;
  microBatches: number;
  stagesPerRank: number;
}

/** @param warmUp how many forward passes come before the first backward pass of a rank */
function inRounds(
  name: string,
  { ranks, microBatches, stagesPerRank }: Rounds,
  warmUp: (rank: number) => number,
  backward: (order: RankOrder, stage: number, rank: number) => void,
): Schedule {
  const chunkOf = (n: number) => Math.floor(n / ranks) % stagesPerRank;
  const chunks = stagesPerRank * microBatches;
  const orders = Array.from({ length: ranks }, (_, rank) => {
    const order = new RankOrder();
    const before = Math.min(warmUp(rank), chunks);
    for (let n = 0; n < before + chunks; n++) {
      if (n < chunks) order.forward(chunkOf(n) * ranks + rank);
      const back = n - before;
      if (back >= 0) backward(order, (stagesPerRank - 1 - chunkOf(back)) * ranks + rank, rank);
    }
    while (order.waitingWeights > 0) order.weights();
    return order.actions;
  });
  return {
    name,
    ranks,
    stages: ranks * stagesPerRank,
    microBatches,
    rankOf: loopPlacement(ranks, stagesPerRank),
    orders,
  };
}

/**
 * Interleaved 1F1B: v chunks per rank make the bubble v times smaller, (P − 1)/(v m) of the ideal time, at v times the messages
 * and 2(P − r − 1) + (v − 1)P + 1 live chunks (Narayanan et al. 2021, arXiv:2104.04473). Micro-batches must be a multiple of P.
 */
export function interleavedSchedule(ranks: number, microBatches: number, stagesPerRank: number): Schedule {
  return inRounds(
    'interleaved',
    { ranks, microBatches, stagesPerRank },
    (rank) => (stagesPerRank - 1) * ranks + 2 * (ranks - 1 - rank),
    (order, stage) => order.backward(stage),
  );
}

/**
 * ZB1P: as interleaved 1F1B with backward passes divided; rank r lets r weight gradients wait and fills its bubbles with
 * them, so that (P − 1)(F + I − W) of the bubble is left, where W ≤ F, W ≤ I and there are at least as many micro-batches
 * as ranks; every rank keeps as much as the first (Qi et al. 2023, arXiv:2401.10241, ZB-H1).
 */
export function zeroBubbleSchedule(ranks: number, microBatches: number, stagesPerRank: number): Schedule {
  return inRounds(
    'zb1p',
    { ranks, microBatches, stagesPerRank },
    (rank) => (stagesPerRank - 1) * ranks + (ranks - 1 - rank),
    (order, stage, rank) => {
      order.inputGradient(stage);
      if (order.waitingWeights > rank) order.weights();
    },
  );
}
