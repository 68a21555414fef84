/** What keeps a router in order, and what says whether it is. */
import { tf } from '../../compute/tf.js';

/**
 * Switch's balance loss, E sum_e f_e P_e, f_e the share of tokens that take expert e and P_e its mean probability (Fedus et al. 2021,
 * arXiv:2101.03961). 1 where all is even and each token takes one expert. Gradients go through P alone: f is a count.
 * @param probabilities [...,T,E] @param chosen the same shape, 1 where a token takes the expert @returns [...]
 */
export function balanceLoss(probabilities: tf.Tensor, chosen: tf.Tensor): tf.Tensor {
  const E = probabilities.shape.at(-1)!;
  return tf.tidy(() => {
    const [share, mean] = [tf.mean(chosen, -2), tf.mean(probabilities, -2)];
    return tf.mul(tf.sum(tf.mul(share, mean), -1), E);
  });
}

/** Mean of logsumexp^2 over all rows of logits [...,E]: keeps logits small (Zoph et al. 2022, arXiv:2202.08906). */
export function routerZLoss(logits: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.mean(tf.square(tf.logSumExp(logits, -1))));
}

/**
 * Variance over mean squared of the experts' importance, the sum of their probabilities (Shazeer et al. 2017, arXiv:1701.06538): 0 where all
 * are equally important. The variance divides by E.
 * @param probabilities [N,E]
 */
export function importanceLoss(probabilities: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const importance = tf.sum(probabilities, 0);
    const mean = tf.mean(importance);
    return tf.div(tf.mean(tf.square(tf.sub(importance, mean))), tf.square(mean));
  });
}

export interface RouterLoad {
  /** Tokens of each expert. */
  loads: number[];
  /** The busiest expert's tokens over the mean: 1 where all is even. */
  imbalance: number;
  /** Of the shares of the experts, in nats: ln E where all is even, 0 where one takes all. */
  entropy: number;
}

/** @param loads tokens of each expert, before any is dropped; without any token imbalance and entropy are NaN */
export function routerLoad(loads: ArrayLike<number>): RouterLoad {
  const all = Array.from(loads);
  const total = all.reduce((sum, load) => sum + load, 0);
  const shares = all.map((load) => load / total);
  return {
    loads: all,
    imbalance: Math.max(...shares) * all.length,
    entropy: shares.reduce((sum, share) => sum - (share === 0 ? 0 : share * Math.log(share)), 0),
  };
}
