/**
 * Gradients that tfjs does not have and that language models need: einsum (two operands), topk (the gate of a
 * mixture of experts), tile above rank 4 (repeating key/value heads), unstack and split into a single part.
 */
import { sizeOf } from '../ndarray.js';
import { tf } from '../tf.js';

export function provideMissingGradients(): void {
  tf.registerGradient({ kernelName: 'Einsum', saveAllInputs: true, gradFunc: einsumGradient });
  tf.registerGradient({
    kernelName: 'TopK',
    inputsToSave: ['x'],
    outputsToSave: [false, true],
    gradFunc: (dy, saved) => ({ x: () => topKGradient((dy as tf.Tensor[])[0]!, saved[0]!, saved[1]!) }),
  });
  tf.registerGradient({
    kernelName: 'Tile',
    inputsToSave: ['x'],
    gradFunc: (dy, [x], attrs) => ({
      x: () => tileGradient(dy as tf.Tensor, x!.shape, attrs.reps as number[]),
    }),
  });
  // tfjs hands a list to these, except when there is one part, for which its own gradients then throw.
  tf.registerGradient({
    kernelName: 'Unpack',
    gradFunc: (dy, _saved, attrs) => ({ value: () => tf.stack([dy].flat(), attrs.axis as number) }),
  });
  tf.registerGradient({
    kernelName: 'SplitV',
    gradFunc: (dy, _saved, attrs) => ({ x: () => tf.concat([dy].flat(), attrs.axis as number) }),
  });
}

/** Each chosen value sends its gradient back to where it came from. */
function topKGradient(dy: tf.Tensor, x: tf.Tensor, indices: tf.Tensor): tf.Tensor {
  const hot = tf.oneHot(indices.cast('int32'), x.shape.at(-1)!).cast('float32');
  return tf.sum(tf.mul(hot, dy.expandDims(-1)), -2);
}

/** Sums over the repetitions, one axis at a time so that the rank stays at three. */
function tileGradient(dy: tf.Tensor, shape: number[], reps: number[]): tf.Tensor {
  let gradient = dy;
  reps.forEach((repeats, axis) => {
    if (repeats === 1) return;
    const outer = sizeOf(shape.slice(0, axis));
    const inner = shape[axis]! * sizeOf(gradient.shape.slice(axis + 1));
    const rest = gradient.shape.slice(axis + 1);
    gradient = gradient
      .reshape([outer, repeats, inner])
      .sum(1)
      .reshape([...shape.slice(0, axis + 1), ...rest]);
  });
  return gradient;
}

/**
 * For `ab,bc->ac`: the gradient of the first operand is `ac,bc->ab` of dy and the second. An index that the
 * operand alone has was summed away, so its gradient is the same for all its values.
 */
function einsumGradient(dy: tf.Tensor | tf.Tensor[], saved: tf.Tensor[], attrs: tf.NamedAttrMap) {
  const [terms, output] = (attrs.equation as string).replaceAll(' ', '').split('->') as [string, string];
  const operands = terms.split(',');
  const gradients: Record<string, () => tf.Tensor> = {};
  operands.forEach((own, position) => {
    gradients[position] = () => {
      if (new Set(own).size < own.length) {
        throw new Error(`einsum: no gradient for the repeated index in '${own}' of '${terms}->${output}'`);
      }
      const others = operands
        .map((term, index) => ({ term, tensor: saved[index]! }))
        .filter((_, index) => index !== position)
        .map((other) => sumLoneIndices(other, own + output));
      const known = [...own].filter(
        (index) => output.includes(index) || others.some(({ term }) => term.includes(index)),
      );
      const equation = `${[output, ...others.map(({ term }) => term)].join(',')}->${known.join('')}`;
      const gradient = tf.einsum(equation, dy as tf.Tensor, ...others.map(({ tensor }) => tensor));
      const shape = saved[position]!.shape;
      const kept = [...own].map((index, axis) => (known.includes(index) ? shape[axis]! : 1));
      return tf.broadcastTo(gradient.reshape(kept), shape);
    };
  });
  return gradients;
}

interface Operand {
  readonly term: string;
  readonly tensor: tf.Tensor;
}

/** tfjs's einsum loses an axis when an operand has an index that nothing else has (`k,ij->ik`); sum it before. */
function sumLoneIndices({ term, tensor }: Operand, elsewhere: string): Operand {
  const lone = [...term].flatMap((index, axis) => (elsewhere.includes(index) ? [] : [axis]));
  if (lone.length === 0) return { term, tensor };
  return { term: [...term].filter((index) => elsewhere.includes(index)).join(''), tensor: tensor.sum(lone) };
}
