import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { goldenCase, readCase } from '../../../src/workbench/golden/case.js';
import { runModelCase } from '../../../src/workbench/golden/model-case.js';
import { operations } from '../../../src/workbench/golden/operations.js';
import { compare, runCase } from '../../../src/workbench/golden/run.js';
import { eachBackend } from '../../compute/backends.js';

const folder = new URL('../../golden/', import.meta.url).pathname;
const files = readdirSync(folder).filter((name) => name.endsWith('.safetensors'));

// A list that is empty would pass without a word.
it('there are golden cases', () => {
  expect(files.length).toBeGreaterThan(60);
});

eachBackend((name) => {
  for (const path of name === 'webgpu' ? (['fused', 'composed'] as const) : (['auto'] as const)) {
    describe(`golden cases, ${path}`, () => {
      it.each(files)('%s', async (file) => {
        const golden = await readCase(join(folder, file));
        const result = await runCase(golden, path);
        if (!operations[golden.op]) expect(result).toEqual({ status: 'not implemented', op: golden.op });
        else expect(result).toMatchObject({ status: 'passed' });
      });

      it.each(['llama2.small', 'llama3.small', 'llama_bias.small', 'mixtral.small'])('%s', async (model) => {
        expect(await runModelCase(join(folder, model), path)).toMatchObject({
          status: 'passed',
          compared: ['out.logits', 'out.loss', 'out.greedy'],
        });
      });

      it.each([
        ['llama_lora.small', true],
        ['llama_rslora_all.small', true],
        ['llama_dora.small', true],
        ['llama_ia3.small', true],
        ['llama_prefix_tuning.small', false],
        ['llama_prompt_tuning.small', false],
      ] as const)('%s', async (model, merges) => {
        expect(await runModelCase(join(folder, model), path)).toEqual({
          status: 'passed',
          worst: expect.anything(),
          compared: expect.arrayContaining(
            ['baseLogits', 'logits', 'loss', 'greedy', ...(merges ? ['mergedLogits'] : [])].map(
              (name) => `out.${name}`,
            ),
          ),
        });
      });
    });
  }
});

describe('a golden case', () => {
  it('fails when a value or a parameter is changed', async () => {
    const golden = await goldenCase('rope.half_real.small');
    const { outputs, gradients } = golden;
    expect(await runCase(golden)).toMatchObject({ status: 'passed' });
    const changed = {
      ...outputs.out!,
      data: outputs.out!.data.map((value, n) => (n === 5 ? value + 1e-3 : value)),
    };
    const { data, shape } = outputs.out!;
    expect(shape.at(-1)).toBeGreaterThan(5);
    expect(await runCase({ ...golden, outputs: { out: changed } })).toEqual({
      status: 'failed',
      reason: expect.stringMatching(
        new RegExp(
          `^out\\.out\\[(0,)*5\\] is .*, golden ${String(data[5]! + 1e-3).replace('.', '\\.')}, \\|error\\| (0\\.001|1\\.00e-3), bound [\\d.]+e-\\d+$`,
        ),
      ),
    });
    const turned = { ...gradients.x!, data: gradients.x!.data.map((value) => -value) };
    expect(await runCase({ ...golden, gradients: { x: turned } })).toMatchObject({ status: 'failed' });
    expect(await runCase({ ...golden, params: { ...golden.params, layout: 'interleaved' } })).toMatchObject({
      status: 'failed',
    });
    expect(await runCase({ ...golden, params: { ...golden.params, mscale: 2 } })).toEqual({
      status: 'failed',
      reason: "the operation has no parameter 'mscale'",
    });
  });

  it('fails on NaN, unless NaN is expected', () => {
    expect(compare([Number.NaN], [1], [1e9]).outside).toBe(true);
    expect(compare([1], [Number.NaN], [1e9]).outside).toBe(true);
    expect(compare([1], [1.5], [Number.NaN]).outside).toBe(true);
    expect(compare([Number.NaN], [Number.NaN], [0]).outside).toBe(false);
  });

  it('that does not exist is named', async () => {
    await expect(goldenCase('rope.none')).rejects.toThrow(
      /goldenCase: there is no case 'rope.none' in .*golden/,
    );
  });
});

describe('kernelbook golden', () => {
  let scratch: string;
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'golden-'));
  });
  afterAll(() => rmSync(scratch, { recursive: true }));

  const main = new URL('../../../dist/scripts/main.js', import.meta.url).pathname;
  const run = (...args: string[]) =>
    new Promise<{ code: number; out: string; err: string }>((resolve) => {
      execFile(process.execPath, [main, 'golden', ...args], (error, out, err) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
      });
    });

  it('reports passes, failures and what is not implemented, and ends with the counts', async () => {
    const good = 'rms_norm.small.safetensors';
    cpSync(join(folder, good), join(scratch, good));
    const header = JSON.stringify({ __metadata__: { op: 'unheard_of' } });
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(header.length));
    writeFileSync(join(scratch, 'unheard_of.small.safetensors'), Buffer.concat([size, Buffer.from(header)]));
    cpSync(join(folder, 'llama2.small'), join(scratch, 'llama2.small'), { recursive: true });
    const all = await run(scratch, '--backend', 'cpu');
    expect(all.code).toBe(0);
    expect(all.out).toMatch(/^pass {2}rms_norm\.small {2}max error .*, bound .*out\.out/m);
    expect(all.out).toMatch(
      /^pass {2}llama2\.small {2}max error .*, bound .* \[out\.logits out\.loss out\.greedy\]$/m,
    );
    expect(all.out).toMatch(/^not implemented: 1 \(unheard_of 1\)\n2 passed, 0 failed\n$/m);

    const damaged = readFileSync(join(folder, good));
    writeFileSync(join(scratch, 'damaged.safetensors'), damaged.subarray(0, damaged.length - 100));
    const failing = await run(scratch, '--backend', 'cpu');
    expect(failing.code).toBe(1);
    expect(failing.out).toMatch(/^FAIL {2}damaged {2}.*damaged\.safetensors: byte 8: .*truncated/m);
    expect(failing.out.trimEnd().split('\n').at(-1)).toBe('2 passed, 1 failed');
  });

  it('answers 2 with one clear line to an absent folder, an empty one, and an unknown backend', async () => {
    const absent = await run(join(scratch, 'absent'));
    expect(absent).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^kernelbook golden: there is no folder '.*absent'\n$/),
    });
    const empty = mkdtempSync(join(scratch, 'empty-'));
    expect(await run(empty)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^kernelbook golden: '.*' holds no cases.*\n$/),
    });
    expect(await run(scratch, '--backend', 'cuda')).toMatchObject({ code: 2 });
  });
});
