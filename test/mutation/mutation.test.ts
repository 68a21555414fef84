/**
 * The tests notice mistakes: in every fused kernel, gradient and oracle one sign, operator or constant is changed, and a
 * test of the component must fail. By default one change per declaration, always the same; KERNELBOOK_MUTATIONS=all tries
 * every change there is, KERNELBOOK_MUTATIONS=text those of the files whose path contains the text.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { useBackend } from '../../src/compute/backend.js';
import { seededUniform } from '../../src/compute/random.js';
import { tf } from '../../src/compute/tf.js';
import type { GpuBackend } from '../../src/compute/webgpu-backend.js';
import { hasBackend } from '../compute/backends.js';
import { patienceMs } from '../support/patience.js';
import { skipNote } from '../support/requires.js';
import { type Mutant, mutantsOf } from './mutants.js';
import { type Failure, firstFailure, root } from './run-tests.js';
import { equivalents, type Target, targets } from './targets.js';

const wanted = process.env.KERNELBOOK_MUTATIONS ?? '';
const all = wanted !== '';

function candidates({ file, only }: Target): Mutant[] {
  return mutantsOf(file, readFileSync(join(root, file), 'utf8')).filter(
    ({ declaration, text, mutated }) =>
      (only?.includes(declaration) ?? true) &&
      !equivalents.some(
        (one) =>
          (one.file === undefined || one.file === file) &&
          text.includes(one.text) &&
          (one.mutated === undefined || mutated.includes(one.mutated)),
      ),
  );
}

/** One per declaration, or all. */
function chosen(target: Target): Mutant[] {
  const found = candidates(target);
  if (all) return found;
  const random = seededUniform(5);
  const names = [...new Set(found.map(({ declaration }) => declaration))];
  return names.map((name) => {
    const own = found.filter(({ declaration }) => declaration === name);
    return own[Math.floor(random() * own.length)]!;
  });
}

async function noticed({ file, tests, backend }: Target, { source }: Mutant): Promise<Failure | undefined> {
  for (const test of tests) {
    const failure = await firstFailure(test, { path: file, text: source }, backend);
    if (failure) return failure;
  }
  return undefined;
}

describe('a change in', () => {
  for (const target of targets.filter(({ file }) => !all || wanted === 'all' || file.includes(wanted))) {
    const { file, backend, tests } = target;
    it.skipIf(!hasBackend(backend))(
      `${file} fails a test${hasBackend(backend) ? '' : ` ${skipNote(backend, 'the backend is missing')}`}`,
      async () => {
        const survivors: string[] = [];
        const mutants = chosen(target);
        expect(mutants.length).toBeGreaterThan(0);
        for (const mutant of mutants) {
          // A test file may leave another one behind.
          await useBackend(backend);
          const failure = await noticed(target, mutant);
          // What the GPU still has to report belongs to this change, not to the next.
          if (backend === 'webgpu') await (tf.backend() as GpuBackend).sync().catch(() => undefined);
          const place = `${file}:${mutant.line} (${mutant.declaration}): ${mutant.text} -> ${mutant.mutated}`;
          if (all)
            console.log(
              failure
                ? `${place}: noticed by ${failure.test}: ${failure.message.split('\n')[0]}`
                : `SURVIVED ${place}`,
            );
          if (!failure) survivors.push(place);
        }
        expect(survivors, `${tests.join(', ')} passed all the same`).toEqual([]);
      },
      all ? 3_600_000 : 2 * patienceMs,
    );
  }
});

describe('the mutation check', () => {
  it('has every oracle and every kernel among its targets', () => {
    const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `src/${name}`);
    const missing = files.filter((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      const computes = /export function \w+Oracle\b/.test(text) || /defineKernel\(\{/.test(text);
      return computes && !targets.some((target) => target.file === file);
    });
    expect(missing.sort()).toEqual([
      // The repairs of tfjs have tests of their own, each of which fails without its repair.
      'src/compute/repairs/arg-extreme.ts',
      'src/compute/repairs/elements.ts',
      'src/compute/repairs/transpose.ts',
      // Run by the matrix units, on Mesa 26 in a child process: test/compute/half/matrix-units.test.ts.
      'src/layers/attention/flash-attention-matrix.wgsl.ts',
      'src/layers/matmul/matrix-matmul.wgsl.ts',
      // Copies memory, to measure how fast that goes.
      'src/workbench/profile/ceilings.ts',
    ]);
  });

  it('fails nothing when nothing is changed', async () => {
    await useBackend('cpu');
    expect(await firstFailure('test/layers/softmax/softmax.test.ts', undefined, 'cpu')).toBeUndefined();
  });

  it('knows what it excludes', () => {
    const sources = new Map(targets.map(({ file }) => [file, readFileSync(join(root, file), 'utf8')]));
    for (const { file, text, reason } of equivalents) {
      const files = file === undefined ? [...sources.values()] : [sources.get(file) ?? ''];
      expect(
        files.some((source) => source.includes(text)),
        `${text}: ${reason}`,
      ).toBe(true);
    }
  });
});
