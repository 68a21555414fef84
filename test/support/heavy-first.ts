/**
 * Starts the longest test files first, so that the run does not end with one worker waiting for the other. Vitest
 * keeps what each file took in the runs before, and orders by that. A file it does not know goes before those: first
 * what starts browsers and whole notebooks, then what computes on software Vulkan.
 */
import path from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const heavy = [
  '/test/e2e/',
  '/test/run/',
  '/test/conformance/',
  '/test/kernel/',
  '/test/language/',
  '/test/tfjs-core/',
  '/test/compute/',
  '/test/layers/attention/',
];

export class HeavyFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const usual = await super.sort(files);
    const rank = (file: TestSpecification) => {
      if (this.#isKnown(file)) return heavy.length + 1;
      const index = heavy.findIndex((part) => file.moduleId.includes(part));
      return index === -1 ? heavy.length : index;
    };
    return usual.sort((a, b) => rank(a) - rank(b));
  }

  #isKnown({ project, moduleId }: TestSpecification): boolean {
    const key = `${project.name}:${path.relative(this.ctx.config.root, moduleId).split(path.sep).join('/')}`;
    return this.ctx.cache.getFileTestResults(key) !== undefined;
  }
}
