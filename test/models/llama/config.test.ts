import { describe, expect, it } from 'vitest';
import { llamaConfig, parameterCount, parameterShapes } from '../../../src/models/llama/config.js';
import { checkArrays, randomLlama } from '../../../src/models/llama/weights.js';

const llama2 = {
  model_type: 'llama',
  vocab_size: 32000,
  hidden_size: 4096,
  intermediate_size: 11008,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  rms_norm_eps: 1e-5,
};
const llama3 = { ...llama2, vocab_size: 128256, intermediate_size: 14336, num_key_value_heads: 8 };

/** The counts on the models' own pages. */
describe('parameterCount', () => {
  it.each([
    ['Llama 2 7B', llama2, 6_738_415_616],
    ['Llama 3 8B', llama3, 8_030_261_248],
    [
      'Llama 3.2 1B, tied',
      {
        ...llama3,
        hidden_size: 2048,
        intermediate_size: 8192,
        num_hidden_layers: 16,
        tie_word_embeddings: true,
      },
      1_235_814_400,
    ],
    [
      'Mixtral 8x7B',
      {
        ...llama3,
        model_type: 'mixtral',
        vocab_size: 32000,
        num_local_experts: 8,
        num_experts_per_tok: 2,
      },
      46_702_792_704,
    ],
  ])('%s', (_name, json, count) => {
    expect(parameterCount(llamaConfig(json))).toBe(count);
  });
});

describe('llamaConfig', () => {
  it('reads both forms of the rotation, nulls as absent, and the window of Mistral only', () => {
    const scaling = { type: 'linear', factor: 4 };
    const old = llamaConfig({ ...llama2, rope_theta: 1e6, rope_scaling: scaling, head_dim: null });
    expect(old).toMatchObject({ D: 128, K: 32, rope: { rope_theta: 1e6, rope_parameters: scaling } });
    expect(llamaConfig({ ...llama2, model_type: 'mistral', sliding_window: 64 }).window).toBe(64);
    expect(llamaConfig({ ...llama2, sliding_window: 64 }).window).toBeUndefined();
    expect(llamaConfig({ ...llama2, eos_token_id: [7, 8] }).eos).toBe(7);
  });

  it.each([
    [{ ...llama2, model_type: 'gpt2' }, /model_type "gpt2" is not supported; supported: llama/],
    [{ ...llama2, hidden_act: 'gelu' }, /hidden_act "gelu" is not supported/],
    [{ ...llama2, model_type: 'mistral', attention_bias: true }, /attention_bias true is not supported/],
    [{ ...llama2, mlp_bias: 1 }, /mlp_bias must be true or false, got 1/],
    [{ ...llama2, quantization_config: { bits: 4 } }, /quantization_config .* is not supported/],
    [{ ...llama2, vocab_size: undefined }, /vocab_size must be a positive integer, got undefined/],
    [{ ...llama2, num_hidden_layers: 1.5 }, /num_hidden_layers must be a positive integer, got 1.5/],
    [{ ...llama2, num_key_value_heads: 5 }, /num_attention_heads \(32\) must be a multiple of .* \(5\)/],
    [{ ...llama2, num_attention_heads: 3 }, /head_dim must be a positive integer, got 1365.33/],
    [{ ...llama2, tie_word_embeddings: 1 }, /tie_word_embeddings must be true or false, got 1/],
    [{ ...llama2, rms_norm_eps: 'small' }, /rms_norm_eps must be a number, got "small"/],
    [[], /needs the object of a config.json/],
  ])('refuses what it cannot do: %#', (json, message) => {
    expect(() => llamaConfig(json)).toThrow(message);
  });
});

describe('weights', () => {
  const small = llamaConfig({
    ...llama2,
    vocab_size: 11,
    hidden_size: 8,
    intermediate_size: 12,
    num_hidden_layers: 2,
    num_attention_heads: 2,
  });

  it('of a random model have the shapes, the spread and the gains of 1 that they should', () => {
    const arrays = randomLlama({ ...small, V: 500, C: 32, D: 16 }, 3, 0.1);
    const rms = (name: string) => {
      const { data } = arrays.get(name)!;
      return Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length);
    };
    expect(rms('model.embed_tokens.weight')).toBeCloseTo(0.1, 2);
    expect(rms('model.layers.1.mlp.down_proj.weight')).toBeCloseTo(0.05, 2);
    expect([...arrays.get('model.norm.weight')!.data]).toEqual(new Array(32).fill(1));
    const q = (layer: number) => [...arrays.get(`model.layers.${layer}.self_attn.q_proj.weight`)!.data];
    expect(q(0)).not.toEqual(q(1));
  });

  it('that do not fit are named', () => {
    const arrays = new Map(randomLlama(small, 1));
    expect([...arrays.keys()]).toEqual([...parameterShapes(small).keys()]);
    checkArrays(small, arrays);
    const norm = arrays.get('model.norm.weight')!;
    arrays.delete('model.norm.weight');
    expect(() => checkArrays(small, arrays)).toThrow(/do not fit the config: missing model.norm.weight$/);
    arrays.set('model.norm.weight', { ...norm, shape: [4, 2] });
    arrays.set('model.norm.bias', norm);
    expect(() => checkArrays(small, arrays)).toThrow(
      /not part of the model model.norm.bias; of the wrong shape model.norm.weight \[4,2\] instead of \[8\]$/,
    );
  });
});
