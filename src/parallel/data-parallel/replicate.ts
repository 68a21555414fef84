/** All ranks begin with the same model: it is compared, and rank 0's numbers are everybody's. */
import { read } from '../../compute/read.js';
import { tf } from '../../compute/tf.js';
import type { Communicator } from '../communicator/index.js';
import { flatLayout, valuesOf } from './layout.js';

/** Replaces the parameters' values by those of rank 0. @throws RangeError on all ranks when the models have other parameters */
export async function broadcastParameters(
  parameters: ReadonlyMap<string, tf.Variable>,
  comm: Communicator,
): Promise<void> {
  await requireSameModel(parameters, comm);
  const layout = flatLayout([...parameters].map(([name, { shape }]) => ({ name, shape })));
  const whole = new Float32Array(layout.length);
  if (comm.rank === 0)
    for (const { name, at } of layout.pieces) whole.set(await read(parameters.get(name)!), at);
  await comm.broadcast(whole);
  for (const [name, values] of valuesOf(layout, whole)) {
    const variable = parameters.get(name)!;
    const tensor = tf.tensor(values, variable.shape);
    variable.assign(tensor);
    tensor.dispose();
  }
}

/** Names, order and shapes; two numbers travel. */
async function requireSameModel(
  parameters: ReadonlyMap<string, tf.Variable>,
  comm: Communicator,
): Promise<void> {
  const text = [...parameters].map(([name, { shape }]) => `${name} [${shape}]`).join(', ');
  const all = await comm.allGather(Int32Array.of(hashOf(text), parameters.size));
  for (let rank = 1; rank < comm.size; rank++) {
    if (all[2 * rank] === all[0] && all[2 * rank + 1] === all[1]) continue;
    throw new RangeError(
      `the model of rank ${rank} has other parameters than that of rank 0 (${all[2 * rank + 1]} and ${all[1]} of them); this is rank ${comm.rank}, with ${text}: build the same layers in the same order on all ranks`,
    );
  }
}

/** 32 bits (FNV-1a). */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash | 0;
}
