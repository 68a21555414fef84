/**
 * Round trips with the real peft: an adapter made here gives the same logits there, and the other way round. peft needs
 * PyTorch (several gigabytes), so `kernelbook test` does not install it: the suite runs where `.venv`, or the Python that
 * KERNELBOOK_PEFT_PYTHON names, has it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { venvPython } from '../../../../scripts/setup/probe.js';
import { useBackend } from '../../../../src/compute/backend.js';
import { fromNdArray, read } from '../../../../src/compute/read.js';
import { adapt, loadAdapted } from '../../../../src/models/llama/adapt/adapted-llama.js';
import { readAdapter } from '../../../../src/models/llama/adapt/files.js';
import type { FineTuningMethod } from '../../../../src/models/llama/adapt/methods.js';
import { Llama } from '../../../../src/models/llama/llama.js';
import { loadLlama } from '../../../../src/models/llama/weights.js';
import { adaptedFormula } from '../../../../src/workbench/golden/bounds/adapted-llama.js';
import { llamaErrors } from '../../../../src/workbench/golden/bounds/llama.js';
import { goldenDirectory } from '../../../../src/workbench/golden/case.js';
import { compare } from '../../../../src/workbench/golden/run.js';
import { patienceMs } from '../../../support/patience.js';
import { skipNote } from '../../../support/requires.js';
import { methods, randomise, tokens } from './setup.js';

const python = process.env.KERNELBOOK_PEFT_PYTHON ?? venvPython;
const found =
  existsSync(python) && spawnSync(python, ['-c', 'import peft, torch, transformers']).status === 0;
const base = join(goldenDirectory(), 'llama_lora.small');
const program = new URL('peft_program.py', import.meta.url).pathname;

/** Those that peft has, with the classes and fields that make them there. */
const there: Record<string, [kind: string, fields: object]> = {
  LoRA: ['LoraConfig', { r: 3, lora_alpha: 5, target_modules: ['q_proj', 'v_proj'] }],
  'rsLoRA on all layers': [
    'LoraConfig',
    { r: 2, lora_alpha: 3, use_rslora: true, target_modules: 'all-linear' },
  ],
  'LoRA by a pattern': [
    'LoraConfig',
    {
      r: 4,
      target_modules: '.*(up|down)_proj',
      exclude_modules: '.*layers.0.*up.*',
      rank_pattern: { down_proj: 2 },
      alpha_pattern: { 'layers.1.mlp.down_proj': 6 },
    },
  ],
  'LoRA in one layer and the head': ['LoraConfig', { r: 2, target_modules: ['k_proj', 'lm_head'] }],
  'LoRA in the second layer': ['LoraConfig', { r: 2, target_modules: ['k_proj'], layers_to_transform: [1] }],
  DoRA: ['LoraConfig', { r: 2, use_dora: true, target_modules: ['o_proj', 'gate_proj'] }],
  IA3: ['IA3Config', { target_modules: ['k_proj', 'down_proj'], feedforward_modules: ['down_proj'] }],
  'prefix tuning': ['PrefixTuningConfig', { num_virtual_tokens: 4 }],
  'prefix tuning with an MLP': [
    'PrefixTuningConfig',
    { num_virtual_tokens: 3, prefix_projection: true, encoder_hidden_size: 7 },
  ],
  'prompt tuning': ['PromptTuningConfig', { num_virtual_tokens: 4 }],
  'P-tuning': ['PromptEncoderConfig', { num_virtual_tokens: 3, encoder_hidden_size: 6 }],
  'P-tuning with an LSTM': [
    'PromptEncoderConfig',
    { num_virtual_tokens: 3, encoder_hidden_size: 6, encoder_reparameterization_type: 'LSTM' },
  ],
};

const here: Record<string, FineTuningMethod> = Object.fromEntries(
  Object.entries(methods).filter(([, { method }]) => !['bottleneck', 'bitfit', 'weights'].includes(method)),
);

interface Answer {
  load: Record<string, number[][][]>;
  make: Record<string, number[][][]>;
}

describe.skipIf(!found)(
  `peft${found ? '' : ` ${skipNote('peft', `${python} has no peft with torch and transformers (5.6 GB); set KERNELBOOK_PEFT_PYTHON`)}`}`,
  () => {
    let folder: string;
    let answer: Answer;
    const ids = tokens([2, 6]);
    const path = (side: string, name: string) => join(folder, `${side} ${name}`);

    beforeAll(async () => {
      await useBackend('cpu');
      folder = mkdtempSync(join(tmpdir(), 'peft-'));
      const model = await Llama.load(base);
      for (const [name, method] of Object.entries(here)) {
        const adapted = await adapt(model, method);
        randomise(adapted.adapter(), 0.3);
        await adapted.save(path('here', name));
        adapted.dispose();
      }
      model.dispose();
      const rows = [0, 1].map((b) => [...ids.data.subarray(6 * b, 6 * b + 6)]);
      const load = Object.fromEntries(Object.keys(here).map((name) => [name, path('here', name)]));
      const make = Object.fromEntries(
        Object.entries(there).map(([name, made]) => [name, [...made, path('there', name)]]),
      );
      const { status, stdout, stderr } = spawnSync(python, [program], {
        input: JSON.stringify({ base, ids: rows, load, make }),
        encoding: 'utf8',
        maxBuffer: 2 ** 28,
      });
      if (status !== 0) throw new Error(stderr.slice(-2000));
      answer = JSON.parse(stdout) as Answer;
    }, 4 * patienceMs);

    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    async function expectSame(adapter: string, logits: number[][][]): Promise<void> {
      const { config, arrays } = await loadLlama(base);
      const model = new Llama(config, arrays);
      const adapted = await loadAdapted(model, adapter);
      const input = fromNdArray(ids, 'int32');
      const output = adapted.forward(input);
      const expected = logits.flat(2);
      expect(output.shape).toEqual([2, logits[0]!.length, config.V]);
      const bounds = llamaErrors(
        config,
        arrays,
        ids,
        adaptedFormula(await readAdapter(adapter, config), config),
      );
      // Both sides compute in float32.
      const both = bounds.error.data.map((error) => 2 * error);
      const result = compare(await read(output), expected, both);
      expect(result.outside, `${result.error} against ${result.bound}`).toBe(false);
      const unadapted = model.forward(input);
      if (logits[0]!.length === 6) {
        const base = await read(unadapted);
        expect(expected.some((value, n) => Math.abs(value - base[n]!) > 1e-2)).toBe(true);
      }
      for (const tensor of [input, output, unadapted]) tensor.dispose();
      adapted.dispose();
      model.dispose();
    }

    it.each(Object.keys(here))('%s made here gives the same logits in peft', async (name) => {
      await expectSame(path('here', name), answer.load[name]!);
    });

    it.each(Object.keys(there))('%s made by peft gives the same logits here', async (name) => {
      await expectSame(path('there', name), answer.make[name]!);
    });
  },
);
