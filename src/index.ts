/** @module kernelbook: the library notebooks import. */
export * from './compute/ndarray.js';
export { seededNormal, seededUniform } from './compute/random.js';
export * from './display.js';
export * from './verify/index.js';
