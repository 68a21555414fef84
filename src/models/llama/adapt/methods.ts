/** The fine-tuning methods of a Llama and what can be chosen about each. Defaults are peft's where peft has the method. */
import type { ActivationKind } from '../../../layers/activation/kinds.js';

/** Which linear layers: ends of their names (`q_proj`), a regular expression over whole names, or 'all-linear' but the head. */
export type Targets = readonly string[] | string;

export interface LoraMethod {
  method: 'lora';
  /** r. Default 8. */
  rank?: number;
  /** Default the rank. */
  alpha?: number;
  /** Default q_proj and v_proj. */
  targets?: Targets;
  /** Modules that `targets` would match but must not. */
  exclude?: Targets;
  /** Only these layers. Default all. */
  layers?: readonly number[];
  /** Other ranks and alphas, by regular expressions for ends of names. */
  rankPattern?: Readonly<Record<string, number>>;
  alphaPattern?: Readonly<Record<string, number>>;
  /** alpha / sqrt(r) in place of alpha / r. */
  rsLora?: boolean;
  /** Magnitudes and directions apart. */
  dora?: boolean;
  /** Of the inputs of A, in `loss` only. Default 0. */
  dropout?: number;
  /** What A and B start from. Default a random (Kaiming uniform) and b zero; anything else is for experiments. */
  start?: { a?: 'random' | 'zero'; b?: 'random' | 'zero' };
}

export interface Ia3Method {
  method: 'ia3';
  /** Default k_proj, v_proj and down_proj. */
  targets?: Targets;
  /** Those of them whose inputs are scaled. Default down_proj. */
  feedForward?: Targets;
}

export interface PrefixMethod {
  method: 'prefix-tuning';
  /** P. */
  tokens: number;
  /** Hidden size of the MLP that the prefix comes from in training. Default none. */
  hidden?: number;
}

export interface PromptMethod {
  method: 'prompt-tuning';
  /** P. */
  tokens: number;
  /** Ids whose embeddings the prompt starts from, over and over. Default normal values. */
  from?: readonly number[];
}

export interface PTuningMethod {
  method: 'p-tuning';
  /** P. */
  tokens: number;
  /** Default 'MLP'. */
  encoder?: 'MLP' | 'LSTM';
  /** Of the encoder. Default C. */
  hidden?: number;
  /** Of the LSTM. Default 2. */
  encoderLayers?: number;
}

export interface BottleneckMethod {
  method: 'bottleneck';
  /** m. */
  width: number;
  /** 'houlsby': behind attention and behind the feed-forward layer; 'pfeiffer': behind the latter only. Default 'houlsby'. */
  placement?: 'houlsby' | 'pfeiffer';
  /** Default 'relu'. */
  activation?: ActivationKind;
}

/** BitFit (Ben Zaken et al. 2021, arXiv:2106.10199): only biases, added at 0 where the model has none. */
export interface BitFitMethod {
  method: 'bitfit';
  /** Default 'all-linear'. */
  targets?: Targets;
}

/** The model's own parameters: those whose names match, or all (full fine-tuning); the others are frozen. */
export interface WeightsMethod {
  method: 'weights';
  /** Only these layers, and what stands behind the last layer if `head` says so. Default all parameters. */
  layers?: readonly number[];
  /** With `layers`: the last norm and the output head too. Default true. */
  head?: boolean;
}

/** `seed` decides what the method starts from; default 0. */
export type FineTuningMethod = (
  | LoraMethod
  | Ia3Method
  | PrefixMethod
  | PromptMethod
  | PTuningMethod
  | BottleneckMethod
  | BitFitMethod
  | WeightsMethod
) & { seed?: number };

export type MethodName = FineTuningMethod['method'];
