/** @module kernelbook: the library notebooks import. */
export * from './compute/ndarray.js';
export * from './display.js';
