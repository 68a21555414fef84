/** Parameters or gradients of all ranks as whole arrays again. */
import { ndarray } from '../../../compute/ndarray.js';
import type { tf } from '../../../compute/tf.js';
import { numbersOf } from '../../../parallel/tensor-collectives.js';
import type { LlamaArrays } from '../weights.js';
import type { LlamaGroups } from './batch.js';
import { type Placement, wholeOf } from './placement.js';

/**
 * @param values this rank's, by name: the same names in the same order on all ranks of a group, experts numbered from the rank's first
 * @returns whole arrays, the same on all ranks of the tensor and expert groups
 */
export async function gatherFull(
  values: ReadonlyMap<string, tf.Tensor>,
  placements: ReadonlyMap<string, Placement>,
  { tensor, expert }: LlamaGroups,
): Promise<LlamaArrays> {
  const arrays = new Map<string, ReturnType<typeof ndarray>>();
  for (const [name, tensorOfRank] of values) {
    const placement = placements.get(name);
    if (!placement) throw new RangeError(`gatherFull: this rank has no parameter '${name}'`);
    const { shape } = tensorOfRank;
    const own = await numbersOf(tensorOfRank);
    const slices =
      placement.axis !== undefined && tensor && tensor.size > 1 ? await tensor.allGather(own) : own;
    const each = tensorOfRank.size;
    const whole = wholeOf(
      placement,
      Array.from({ length: slices.length / each }, (_, rank) =>
        ndarray(shape, slices.subarray(rank * each, (rank + 1) * each)),
      ),
    );
    if (placement.expert === undefined || !expert || expert.size === 1) {
      arrays.set(name, whole);
      continue;
    }
    const all = await expert.allGather(Float32Array.from(whole.data));
    const size = whole.data.length;
    for (let rank = 0; rank < expert.size; rank++)
      arrays.set(
        name.replace(/(\.experts\.)\d+/, (_, before) => before + expertOf(placement, rank)),
        ndarray(whole.shape, all.subarray(rank * size, (rank + 1) * size)),
      );
  }
  return arrays;

  function expertOf({ expert: index }: Placement, rank: number): number {
    const count = new Set([...placements.values()].flatMap((one) => one.expert ?? [])).size;
    return index! + (rank - expert!.rank) * count;
  }
}
