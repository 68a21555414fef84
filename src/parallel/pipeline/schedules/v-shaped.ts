/** The schedules of the V placement: a rank holds stage r on the way down (`down`) and stage 2P − 1 − r on the way up (`up`). */
import type { Schedule } from '../action.js';
import { vPlacement } from '../placement.js';
import { RankOrder } from './rank-order.js';

function vShaped(
  name: string,
  ranks: number,
  microBatches: number,
  write: (order: RankOrder, rank: number, down: number, up: number) => void,
): Schedule {
  const orders = Array.from({ length: ranks }, (_, rank) => {
    const order = new RankOrder();
    write(order, rank, rank, 2 * ranks - 1 - rank);
    return order.actions;
  });
  return { name, ranks, stages: 2 * ranks, microBatches, rankOf: vPlacement(ranks), orders };
}

const repeat = (times: number, step: (n: number) => void): void => {
  for (let n = 0; n < times; n++) step(n);
};

/**
 * ZBV: with F = I = W every rank works without a pause from its first action to its last; what is left of the bubble is that the ranks
 * begin and end one after the other, P − 1 (Qi et al. 2024, arXiv:2405.15362). With fewer than 2P − 1 micro-batches, the
 * schedule of 2P − 1 is written and those that do not exist are left out.
 */
export function zbvSchedule(ranks: number, microBatches: number): Schedule {
  const count = Math.max(microBatches, 2 * ranks - 1);
  const schedule = vShaped('zbv', ranks, microBatches, (order, rank, down, up) => {
    const both = (stage: number) => {
      order.inputGradient(stage);
      order.weights();
    };
    let forwards = 0;
    const forwardDown = () => {
      order.forward(down);
      forwards++;
    };
    let returned = 0;
    const forwardUp = () => {
      order.forward(up);
      returned++;
    };
    repeat(2 * (ranks - rank) - 1, forwardDown);
    repeat(rank, () => {
      forwardUp();
      forwardDown();
    });
    repeat(ranks - rank, () => {
      forwardUp();
      both(up);
    });
    while (returned < forwards || forwards < count) {
      if (forwards < count) forwardDown();
      both(down);
      forwardUp();
      both(up);
    }
    repeat(rank, () => {
      order.inputGradient(down);
      order.inputGradient(up);
    });
    repeat(ranks - rank, () => {
      order.inputGradient(down);
      order.weights();
    });
    while (order.waitingWeights > 0) order.weights();
  });
  const orders = schedule.orders.map((order) => order.filter(({ microBatch }) => microBatch < microBatches));
  return { ...schedule, orders };
}

/**
 * DualPipeV: forward passes of one direction beside backward passes of the other, so that on real machines the communication of one hides
 * behind the computation of the other; the bubble is (P − 1)(F&B + B − 3W) with P ranks, F&B the time of such a pair (DeepSeek-AI 2025,
 * github.com/deepseek-ai/DualPipe). Needs at least 2P micro-batches.
 */
export function dualPipeVSchedule(ranks: number, microBatches: number): Schedule {
  return vShaped('dualpipev', ranks, microBatches, (order, rank, down, up) => {
    const behind = ranks - rank - 1;
    repeat(2 * behind, () => order.forward(down));
    repeat(rank + 1, () => {
      order.forward(down);
      order.forward(up);
    });
    repeat(behind, () => {
      order.inputGradient(up);
      order.weights();
      order.forward(up);
    });
    repeat(microBatches - 2 * ranks + rank + 1, (n) => {
      // The last rank's first backward pass can begin sooner on its own: its forward pass is just done.
      if (n === 0 && behind === 0) {
        order.forward(down);
        order.backward(up);
      } else order.overlapped(down, up);
      order.overlapped(up, down);
    });
    repeat(behind, () => {
      order.backward(up);
      order.overlapped(up, down);
    });
    // From the middle of the way out on, weight gradients wait, to fill the pauses that come.
    const divided = rank + 1;
    repeat(2 * (rank + 1), (n) => {
      const stage = n % 2 === 0 ? up : down;
      if (n >= divided) order.inputGradient(stage);
      else order.backward(stage);
    });
    repeat(behind, () => {
      order.weights();
      order.inputGradient(down);
    });
    repeat(rank + 1, () => order.weights());
  });
}
