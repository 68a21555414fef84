/**
 * Binary floating-point formats: a sign, an exponent field and a fraction field. Micikevicius et al. 2022, FP8 Formats for Deep
 * Learning, arXiv:2209.05433; OCP Microscaling Formats (MX) 1.0 for E2M1 and E8M0; IEEE 754 for the others.
 */

export interface FloatFormat {
  name: FloatFormatName;
  exponentBits: number;
  fractionBits: number;
  /** What is subtracted from the exponent field. */
  bias: number;
  /**
   * What the highest exponent field holds: 'ieee' infinity and NaN; 'one nan' numbers, but for the code of all ones; 'numbers' nothing
   * else.
   */
  top: 'ieee' | 'one nan' | 'numbers';
  /** What is too large becomes the largest number, as PyTorch's cast to E4M3 has it since 2.15; else infinity. */
  saturates: boolean;
}

export const floatFormatNames = ['fp32', 'tf32', 'fp16', 'bf16', 'fp8_e4m3', 'fp8_e5m2', 'fp4_e2m1'] as const;
export type FloatFormatName = (typeof floatFormatNames)[number];

function ieee(name: FloatFormatName, exponentBits: number, fractionBits: number): FloatFormat {
  const bias = 2 ** (exponentBits - 1) - 1;
  return { name, exponentBits, fractionBits, bias, top: 'ieee', saturates: false };
}

export const floatFormats: Readonly<Record<FloatFormatName, FloatFormat>> = {
  fp32: ieee('fp32', 8, 23),
  /** What tensor cores read of a float32: 19 of its bits. */
  tf32: ieee('tf32', 8, 10),
  fp16: ieee('fp16', 5, 10),
  bf16: ieee('bf16', 8, 7),
  /** E4M3FN: no infinity. */
  fp8_e4m3: { name: 'fp8_e4m3', exponentBits: 4, fractionBits: 3, bias: 7, top: 'one nan', saturates: true },
  fp8_e5m2: ieee('fp8_e5m2', 5, 2),
  fp4_e2m1: { name: 'fp4_e2m1', exponentBits: 2, fractionBits: 1, bias: 1, top: 'numbers', saturates: true },
};

export interface FloatFacts {
  bits: number;
  /** The largest finite number. */
  max: number;
  /** The smallest positive number with a full fraction. */
  minNormal: number;
  /** The smallest positive number, and the distance of subnormal neighbours. */
  minSubnormal: number;
  /** The distance from 1 to the next number; the largest relative rounding error of normal numbers is half of it. */
  ulpOfOne: number;
  /** How many finite numbers there are; the two zeros are one. */
  finiteNumbers: number;
}

/** What a table of formats says, computed from the fields. */
export function floatFacts(format: FloatFormat): FloatFacts {
  const { exponentBits, fractionBits, bias, top } = format;
  const fractions = 2 ** fractionBits;
  const fields = 2 ** exponentBits;
  const lost = { ieee: fractions, 'one nan': 1, numbers: 0 }[top];
  const largest = fields * fractions - lost - 1;
  return {
    bits: 1 + exponentBits + fractionBits,
    max: magnitudeOf(largest, format),
    minNormal: 2 ** (1 - bias),
    minSubnormal: 2 ** (1 - bias - fractionBits),
    ulpOfOne: 2 ** -fractionBits,
    finiteNumbers: 2 * largest + 1,
  };
}

/** Of exponent and fraction field as one number, which is finite. */
export function magnitudeOf(fields: number, { fractionBits, bias }: FloatFormat): number {
  const exponent = Math.floor(fields / 2 ** fractionBits);
  const fraction = fields % 2 ** fractionBits;
  return exponent === 0
    ? fraction * 2 ** (1 - bias - fractionBits)
    : (2 ** fractionBits + fraction) * 2 ** (exponent - bias - fractionBits);
}
