export type { LlamaAdaptation } from '../adaptation.js';
export {
  type AdaptedForwardOptions,
  AdaptedLlama,
  adapt,
  loadAdapted,
  loadAdapter,
  startAdapter,
} from './adapted-llama.js';
export type { Adapter } from './adapter.js';
export { type AdapterFile, readAdapter } from './files.js';
export type {
  BitFitMethod,
  BottleneckMethod,
  FineTuningMethod,
  Ia3Method,
  LoraMethod,
  PrefixMethod,
  PromptMethod,
  PTuningMethod,
  Targets,
  WeightsMethod,
} from './methods.js';
