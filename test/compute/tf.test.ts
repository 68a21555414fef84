import { expect, it, vi } from 'vitest';
import { tf } from '../../src/compute/tf.js';

it('the first tensor brings no advertisement, whoever chooses the backend', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  // No backend has been chosen: tfjs takes its cpu backend.
  tf.ones([1]).dispose();
  expect(tf.getBackend()).toBe('cpu');
  await tf.setBackend('cpu');
  tf.ones([1]).dispose();
  expect(warn.mock.calls).toEqual([]);
});
