/** Differentiation of programs that wait for other ranks in their middle. */

export { type LocalFunction, localOperator, type Operator } from './operator.js';
export { type BackwardOptions, Tape } from './tape.js';
export { type GradientHook, Value } from './value.js';
