/** Parallel training: ranks that communicate, and every strategy that divides a model or its data over them. */

export * from './communicator/index.js';
export { type Layer, parametersOf, runLayers, weightsOf } from './layer.js';
export * from './pipeline/index.js';
export * from './plan/index.js';
export * from './tape/index.js';
