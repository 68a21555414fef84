/** The schedules with one stage per rank and whole backward passes. */

import type { Schedule } from '../action.js';
import { loopPlacement } from '../placement.js';
import { RankOrder } from './rank-order.js';

function plain(
  name: string,
  ranks: number,
  microBatches: number,
  write: (order: RankOrder, rank: number) => void,
): Schedule {
  const orders = Array.from({ length: ranks }, (_, rank) => {
    const order = new RankOrder();
    write(order, rank);
    return order.actions;
  });
  return { name, ranks, stages: ranks, microBatches, rankOf: loopPlacement(ranks, 1), orders };
}

/** One micro-batch after the other through the whole model and back: nothing overlaps, one rank works at a time. */
export function naiveSchedule(ranks: number, microBatches: number): Schedule {
  return plain('naive', ranks, microBatches, (order, rank) => {
    for (let n = 0; n < microBatches; n++) {
      order.forward(rank);
      order.backward(rank);
    }
  });
}

/** All forward passes, then all backward passes: every rank keeps the activations of m micro-batches (Huang et al. 2019, arXiv:1811.06965). */
export function gpipeSchedule(ranks: number, microBatches: number): Schedule {
  return plain('gpipe', ranks, microBatches, (order, rank) => {
    for (let n = 0; n < microBatches; n++) order.forward(rank);
    for (let n = 0; n < microBatches; n++) order.backward(rank);
  });
}

/**
 * One forward, one backward in turn, after as many forward passes as there are ranks behind: rank r keeps P − r
 * micro-batches, and the bubble is that of GPipe (Narayanan et al. 2019, arXiv:1806.03377; 2021, arXiv:2104.04473).
 */
export function oneForwardOneBackwardSchedule(ranks: number, microBatches: number): Schedule {
  return plain('1f1b', ranks, microBatches, (order, rank) => {
    const warmUp = Math.min(ranks - 1 - rank, microBatches);
    for (let n = 0; n < warmUp; n++) order.forward(rank);
    for (let n = warmUp; n < microBatches; n++) {
      order.forward(rank);
      order.backward(rank);
    }
    for (let n = 0; n < warmUp; n++) order.backward(rank);
  });
}
