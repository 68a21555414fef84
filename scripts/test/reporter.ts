/**
 * A Vitest reporter that writes what `kernelbook test` sums up: the state of every test, the note with which a running
 * test skipped itself, which Vitest's own JSON report leaves out, and how long each file took.
 */
import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';

/** Where the report goes. */
export const testReportVariable = 'KERNELBOOK_TEST_REPORT';

export interface TestReport {
  files: {
    /** Absolute path. */
    name: string;
    /** From the start of its process to the end of its last hook. */
    seconds: number;
    /** Why the file, or a hook of it, failed. */
    errors: string[];
    tests: {
      /** Titles of the suites around the test, outermost first, and its own. */
      titles: string[];
      state: 'passed' | 'failed' | 'skipped' | 'pending';
      /** Why a test skipped itself while it ran. */
      note?: string;
    }[];
  }[];
  /** Errors outside of any test. */
  errors: string[];
}

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const file = process.env[testReportVariable];
    if (!file)
      throw new Error(`the reporter of kernelbook test needs ${testReportVariable}, the file to write`);
    const report: TestReport = { files: modules.map(toFile), errors: unhandled.map(firstLine) };
    writeFileSync(file, JSON.stringify(report));
  }
}

function toFile(module: TestModule): TestReport['files'][number] {
  const suites = [...module.children.allSuites()];
  return {
    name: module.moduleId,
    seconds: secondsOf(module),
    errors: [...module.errors(), ...suites.flatMap((suite) => suite.errors())].map(firstLine),
    tests: [...module.children.allTests()].map((test) => {
      const result = test.result();
      const note = result.state === 'skipped' ? result.note : undefined;
      return { titles: titlesOf(test), state: result.state, ...(note !== undefined && { note }) };
    }),
  };
}

function secondsOf(module: TestModule): number {
  const { environmentSetupDuration, prepareDuration, collectDuration, setupDuration, duration } =
    module.diagnostic();
  return (environmentSetupDuration + prepareDuration + collectDuration + setupDuration + duration) / 1000;
}

function titlesOf(test: TestCase): string[] {
  const titles = [test.name];
  for (let parent = test.parent; parent.type === 'suite'; parent = parent.parent) titles.unshift(parent.name);
  return titles;
}

const firstLine = ({ message }: { message: string }): string => message.split('\n')[0]!;
