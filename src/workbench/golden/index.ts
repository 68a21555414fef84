export {
  parseSafetensors,
  readSafetensors,
  type Safetensors,
  SafetensorsError,
} from '../../compute/safetensors.js';
export { llamaErrors } from './bounds/llama.js';
export { type GoldenCase, goldenCase } from './case.js';
export { type ModelCase, modelCase, runModelCase } from './model-case.js';
export { type CaseResult, runCase } from './run.js';
