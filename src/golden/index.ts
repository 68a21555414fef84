export { type GoldenCase, goldenCase } from './case.js';
export { parseSafetensors, readSafetensors, type Safetensors, SafetensorsError } from './safetensors.js';
