import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../../src/compute/backend.js';
import { readSafetensors } from '../../../../src/compute/safetensors.js';
import { tf } from '../../../../src/compute/tf.js';
import { safetensorsBytes } from '../../../../src/compute/write-safetensors.js';
import { loadAdapted } from '../../../../src/models/llama/adapt/adapted-llama.js';
import { Llama } from '../../../../src/models/llama/llama.js';
import { goldenDirectory } from '../../../../src/workbench/golden/case.js';

const golden = (name: string) => join(goldenDirectory(), `${name}.small`);
type Tensors = Map<string, { shape: readonly number[]; data: Float32Array }>;

let model: Llama;
beforeAll(async () => {
  await useBackend('cpu');
  model = await Llama.load(golden('llama_lora'));
});
afterAll(() => model.dispose());

/** Loads the adapter of a golden case with its config and its tensors changed. */
async function loading(
  name: string,
  config: Record<string, unknown>,
  change: (tensors: Tensors) => void = () => {},
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'adapter-'));
  try {
    cpSync(join(golden(name), 'adapter'), folder, { recursive: true });
    const file = join(folder, 'adapter_config.json');
    const json = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    writeFileSync(file, JSON.stringify({ ...json, ...config }));
    const path = join(folder, 'adapter_model.safetensors');
    const { tensors } = await readSafetensors(path);
    const changed: Tensors = new Map(
      [...tensors].map(([key, { shape, data }]) => [key, { shape, data: Float32Array.from(data) }]),
    );
    change(changed);
    writeFileSync(path, safetensorsBytes(changed));
    const before = tf.memory().numTensors;
    const outcome = await loadAdapted(model, folder).then(
      (adapted) => {
        adapted.dispose();
        return 'loaded';
      },
      (error: Error) => error.message.replaceAll(`${folder}/`, ''),
    );
    expect(tf.memory().numTensors).toBe(before);
    return outcome;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const a = 'base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight';

describe('an adapter is refused in one line, with nothing loaded, when', () => {
  it.each([
    [
      'its kind is unknown',
      'llama_lora',
      { peft_type: 'VERA' },
      /^adapter_config.json: peft_type must be LORA, .*, got "VERA"$/,
    ],
    ['it has no kind', 'llama_lora', { peft_type: null }, /peft_type must be .*, got null$/],
    [
      'its rank is another',
      'llama_lora',
      { r: 2 },
      /^adapter_model.safetensors: model.layers.0.self_attn.q_proj.lora_A.weight has rank 4, the config says 2$/,
    ],
    ['the rank is no number', 'llama_lora', { r: '4' }, /r must be a number, got "4"/],
    [
      'more modules are named than stored',
      'llama_lora',
      { target_modules: ['q_proj', 'v_proj', 'o_proj'] },
      /^adapter_model.safetensors: 4 tensors are missing: model.layers.0.self_attn.o_proj.lora_A.weight, .* and 1 more$/,
    ],
    [
      'fewer modules are named than stored',
      'llama_lora',
      { target_modules: ['q_proj'] },
      /4 tensors belong to no part of the adapter/,
    ],
    [
      'the model has no such module',
      'llama_lora',
      { target_modules: ['c_attn'] },
      /made for another base model: .*no linear layer of this model fits \["c_attn"\]/,
    ],
    ['biases were trained too', 'llama_lora', { bias: 'all' }, /bias must be "none", got "all"$/],
    [
      'weights are transposed',
      'llama_lora',
      { fan_in_fan_out: true },
      /fan_in_fan_out true is not supported here$/,
    ],
    [
      'whole modules were saved',
      'llama_lora',
      { modules_to_save: ['lm_head'] },
      /modules_to_save \["lm_head"\] is not supported here$/,
    ],
    [
      'its start changed the base model',
      'llama_lora',
      { init_lora_weights: 'pissa' },
      /init_lora_weights must be .*, got "pissa"$/,
    ],
    [
      'a field of another version asks for more',
      'llama_lora',
      { use_new_thing: true },
      /use_new_thing true is not supported here$/,
    ],
    ['a flag is no flag', 'llama_dora', { use_dora: 'yes' }, /use_dora must be true or false, got "yes"$/],
    [
      'magnitudes are not asked for',
      'llama_dora',
      { use_dora: false },
      /4 tensors belong to no part of the adapter: .*lora_magnitude_vector/,
    ],
    [
      'the factors are on the other side',
      'llama_ia3',
      { feedforward_modules: [] },
      /made for another base model: .*ia3_l is \[1,40\], this model needs \[24,1\]$/,
    ],
    [
      'heads of another model have the prefix',
      'llama_prefix_tuning',
      { token_dim: 16 },
      /made for another base model: token_dim is 16, that of this model is 12$/,
    ],
    [
      'another model has more layers',
      'llama_prefix_tuning',
      { num_layers: 3 },
      /num_layers is 3, that of this model is 2$/,
    ],
    [
      'the prefix has other tokens',
      'llama_prefix_tuning',
      { num_virtual_tokens: 4 },
      /prompt_embeddings is \[5,48\], this model needs \[4,48\]$/,
    ],
    [
      'the count of tokens is missing',
      'llama_prompt_tuning',
      { num_virtual_tokens: null },
      /num_virtual_tokens must be a positive integer, got null$/,
    ],
    [
      'it is for an encoder-decoder',
      'llama_prompt_tuning',
      { num_transformer_submodules: 2 },
      /num_transformer_submodules must be 1, got 2$/,
    ],
  ] as const)('%s', async (_why, name, config, message) => {
    const said = await loading(name, config);
    expect(said).toMatch(message);
    expect(said).not.toContain('\n');
  });

  it('a tensor is missing, superfluous, of another model, or its copy of the head is', async () => {
    expect(await loading('llama_lora', {}, (tensors) => void tensors.delete(a))).toBe(
      'adapter_model.safetensors: 1 tensors are missing: model.layers.0.self_attn.q_proj.lora_A.weight',
    );
    const more = (tensors: Tensors) => void tensors.set('x', { shape: [1], data: new Float32Array(1) });
    expect(await loading('llama_lora', {}, more)).toMatch(/1 tensors belong to no part of the adapter: x$/);
    const wide = (tensors: Tensors) => void tensors.set(a, { shape: [4, 32], data: new Float32Array(128) });
    expect(await loading('llama_lora', {}, wide)).toMatch(
      /made for another base model: .*lora_A.weight is \[4,32\], this model needs \[4,24\]$/,
    );
    const head = (tensors: Tensors) =>
      void tensors.set('base_model.model.lm_head.base_layer.weight', {
        shape: [47, 24],
        data: new Float32Array(47 * 24),
      });
    expect(await loading('llama_lora', {}, head)).toMatch(
      /another base model: lm_head.weight has other numbers/,
    );
    expect(await loading('llama_lora', {})).toBe('loaded');
  });

  it('the config is no JSON object', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'adapter-'));
    cpSync(join(golden('llama_lora'), 'adapter'), folder, { recursive: true });
    for (const [text, message] of [
      ['{', /adapter_config.json: is not JSON/],
      ['[]', /adapter_config.json: must hold a JSON object/],
    ] as const) {
      writeFileSync(join(folder, 'adapter_config.json'), text);
      await expect(loadAdapted(model, folder)).rejects.toThrow(message);
    }
    rmSync(folder, { recursive: true });
  });
});
