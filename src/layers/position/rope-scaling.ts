/**
 * Rotation frequencies for contexts longer than those of training, under the parameter names of Hugging Face's
 * Transformers. With theta_i the frequency of pair i, s the factor and L the original context:
 * linear (position interpolation, Chen et al. 2023, arXiv:2306.15595) divides all by s; dynamic NTK raises the base with the
 * length of the sequence; YaRN (Peng et al. 2023, arXiv:2309.00071) keeps pairs that turn often within L, divides those
 * that turn less than once, blends in between, and multiplies queries and keys by 0.1 ln s + 1; llama3 (Grattafiori et
 * al. 2024, arXiv:2407.21783) blends likewise, by wavelength and without the factor.
 */
import { ropeFrequencies } from './rope-table.js';

/** The rope parameters of a `config.json`, called `rope_parameters` or formerly `rope_scaling` there. */
export interface RopeParameters {
  rope_type?: string;
  /** The former name of rope_type. */
  type?: string;
  rope_theta?: number;
  factor?: number;
  original_max_position_embeddings?: number;
  /** yarn: turns within the original context above which a pair is kept, below which it is divided. 32 and 1. */
  beta_fast?: number;
  beta_slow?: number;
  /** yarn: instead of 0.1 ln s + 1. */
  attention_factor?: number;
  mscale?: number;
  mscale_all_dim?: number;
  /** yarn: round the ends of the ramp outwards to whole pairs. Default true. */
  truncate?: boolean;
  /** llama3: wavelengths above L / low are divided, below L / high kept. */
  low_freq_factor?: number;
  high_freq_factor?: number;
}

/** The fields of a model's `config.json` that decide its rotation. */
export interface RopeConfig {
  head_dim?: number;
  hidden_size?: number;
  num_attention_heads?: number;
  max_position_embeddings?: number;
  rope_theta?: number;
  rope_parameters?: RopeParameters | null;
  rope_scaling?: RopeParameters | null;
}

/** What `rope` takes as options. */
export interface ScaledFrequencies {
  /** Radians per position, [D/2], float64. */
  inverseFrequencies: Float64Array;
  attentionFactor: number;
}

const caller = 'scaledRopeFrequencies';

/**
 * The frequencies a model was made with; pass the result on to `rope` or to multiHeadAttention's rope options.
 * @param sequenceLength of the sequence at hand; only dynamic scaling depends on it. Default: the longest allowed.
 * @throws RangeError when the type is unknown or a parameter that it needs is missing or no positive number.
 */
export function scaledRopeFrequencies(config: RopeConfig, sequenceLength?: number): ScaledFrequencies {
  const given = config.rope_parameters ?? config.rope_scaling ?? {};
  const D =
    config.head_dim ?? (config.hidden_size ?? Number.NaN) / (config.num_attention_heads ?? Number.NaN);
  if (!(D >= 2 && Number.isInteger(D / 2))) {
    throw new RangeError(
      `${caller}: needs head_dim, or hidden_size and num_attention_heads, that give an even D; got D = ${D}`,
    );
  }
  const base = given.rope_theta ?? config.rope_theta ?? 10000;
  const type = given.rope_type ?? given.type ?? 'default';
  const plain = ropeFrequencies(D, base);
  switch (type) {
    case 'default':
      return { inverseFrequencies: plain, attentionFactor: 1 };
    case 'linear': {
      const factor = needed(given, 'factor');
      return { inverseFrequencies: plain.map((theta) => theta / factor), attentionFactor: 1 };
    }
    case 'dynamic':
      return { inverseFrequencies: dynamic(D, base, given, config, sequenceLength), attentionFactor: 1 };
    case 'yarn':
      return yarn(plain, base, given, config);
    case 'llama3':
      return { inverseFrequencies: llama3(plain, given), attentionFactor: 1 };
    default:
      throw new RangeError(
        `${caller}: rope_type must be default, linear, dynamic, yarn or llama3, got ${JSON.stringify(type)}`,
      );
  }
}

type Numeric = Exclude<keyof RopeParameters, 'rope_type' | 'type' | 'truncate'>;

function needed(given: RopeParameters, name: Numeric): number {
  const value = given[name];
  if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value;
  throw new RangeError(
    `${caller}: rope_type ${given.rope_type ?? given.type} needs a positive ${name}, got ${value}`,
  );
}

/** base' = base (s n / L - (s - 1))^(D/(D-2)) for a sequence of n > L tokens: the slowest pair turns as far as if n were L. */
function dynamic(
  D: number,
  base: number,
  given: RopeParameters,
  { max_position_embeddings: L }: RopeConfig,
  sequenceLength: number | undefined,
): Float64Array {
  const factor = needed(given, 'factor');
  if (!(L !== undefined && L > 0)) {
    throw new RangeError(`${caller}: rope_type dynamic needs max_position_embeddings, got ${L}`);
  }
  if (D < 4) throw new RangeError(`${caller}: rope_type dynamic needs D >= 4, got ${D}`);
  const length = Math.max(sequenceLength ?? L, L);
  return ropeFrequencies(D, base * ((factor * length) / L - (factor - 1)) ** (D / (D - 2)));
}

function yarn(
  plain: Float64Array,
  base: number,
  given: RopeParameters,
  config: RopeConfig,
): ScaledFrequencies {
  const L = needed(given, 'original_max_position_embeddings');
  const longest = (config.max_position_embeddings ?? Number.NaN) / L;
  const factor = given.factor === undefined && longest > 0 ? longest : needed(given, 'factor');
  const D = 2 * plain.length;
  // The (real-valued) pair that turns `turns` times within L.
  const pairOf = (turns: number) => (D * Math.log(L / (turns * 2 * Math.PI))) / (2 * Math.log(base));
  const outwards = given.truncate ?? true;
  const [fast, slow] = [pairOf(given.beta_fast ?? 32), pairOf(given.beta_slow ?? 1)];
  const low = Math.max(outwards ? Math.floor(fast) : fast, 0);
  const high = Math.min(outwards ? Math.ceil(slow) : slow, D - 1);
  const width = high === low ? 0.001 : high - low;
  const inverseFrequencies = plain.map((theta, i) => {
    const divided = Math.min(Math.max((i - low) / width, 0), 1);
    return (theta / factor) * divided + theta * (1 - divided);
  });
  return { inverseFrequencies, attentionFactor: yarnFactor(factor, given) };
}

function yarnFactor(factor: number, given: RopeParameters): number {
  if (given.attention_factor !== undefined) return given.attention_factor;
  const growth = (mscale: number) => (factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1);
  const { mscale, mscale_all_dim: all } = given;
  return mscale && all ? growth(mscale) / growth(all) : growth(1);
}

function llama3(plain: Float64Array, given: RopeParameters): Float64Array {
  const factor = needed(given, 'factor');
  const L = needed(given, 'original_max_position_embeddings');
  const low = needed(given, 'low_freq_factor');
  const high = needed(given, 'high_freq_factor');
  if (!(high > low)) {
    throw new RangeError(`${caller}: high_freq_factor must exceed low_freq_factor, got ${high} and ${low}`);
  }
  return plain.map((theta) => {
    const turns = (L * theta) / (2 * Math.PI);
    const kept = Math.min(Math.max((turns - low) / (high - low), 0), 1);
    return (theta / factor) * (1 - kept) + theta * kept;
  });
}
