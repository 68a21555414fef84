/**
 * No component leaves a tensor behind outside tf.tidy: a call gives its result and nothing else, a gradient the
 * gradients. A component that is exported and not listed here fails the last test.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seededNormal } from '../../src/compute/random.js';
import { fromNdArray } from '../../src/compute/read.js';
import { tf } from '../../src/index.js';
import { eachBackend } from '../compute/backends.js';
import { pathsOf, type Tensor } from './component.js';
import { components, unlisted } from './components.js';

/** Tensors that a call makes beyond those it returns. */
function leftBehind(call: () => tf.TensorContainer): number {
  tf.dispose(call());
  const before = tf.memory().numTensors;
  tf.dispose(call());
  return tf.memory().numTensors - before;
}

describe('nothing is left behind by', () => {
  eachBackend((name) => {
    beforeEach(() => tf.engine().startScope());
    afterEach(() => tf.engine().endScope());

    it.each(Object.entries(components))('%s', (_name, component) => {
      const { inputs, run, pick } = component;
      const tensors = inputs(3, 4).map((shape, n) => fromNdArray(seededNormal(shape, n + 1)));
      for (const path of pathsOf(component, name)) {
        expect(
          leftBehind(() => run(path, ...tensors)),
          `${path}, forward`,
        ).toBe(0);
        if (tensors.length === 0) continue;
        const scalar = (...values: Tensor[]) => {
          const result = run(path, ...values);
          return (pick ? pick(result) : (result as Tensor)).square();
        };
        expect(
          leftBehind(() => tf.grads(scalar)(tensors)),
          `${path}, gradient`,
        ).toBe(0);
      }
    });
  });

  it('any component that the list does not have', () => expect(unlisted()).toEqual([]));
});
