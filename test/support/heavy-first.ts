/**
 * Starts the longest test files first, so that the run does not end with one worker waiting for the other: those that
 * start browsers and whole notebooks, then those that compute on software Vulkan, then the rest by size.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const heavy = [
  '/test/e2e/',
  '/test/start',
  '/test/conformance/',
  '/test/kernel/',
  '/test/run/',
  '/test/tfjs-core/',
  '/test/compute/',
  '/test/layers/attention/',
];

export class HeavyFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const usual = await super.sort(files);
    const rank = ({ moduleId }: TestSpecification) => {
      const index = heavy.findIndex((part) => moduleId.includes(part));
      return index === -1 ? heavy.length : index;
    };
    return usual.sort((a, b) => rank(a) - rank(b));
  }
}
