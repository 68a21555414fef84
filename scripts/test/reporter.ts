/**
 * A Vitest reporter that writes what `kernelbook test` sums up: the state of every test, the note with which a running
 * test skipped itself, which Vitest's own JSON report leaves out, and how long each file took. It also ends a run in
 * which nothing happens any more, and says what did not end.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Reporter, SerializedError, TestCase, TestModule, Vitest } from 'vitest/node';
import { descendants, describeProcess, processesAreKnown } from '../processes.js';
import { Silence } from './silence.js';

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

/** How many minutes without a sign of any test end the run; another number for the tests of this. */
const silenceVariable = 'KERNELBOOK_TEST_SILENCE_MINUTES';
/** Three times what a test may wait for one thing (`test/support/patience.ts`): Vitest's limits come before. */
const usualSilenceMinutes = 15;

export default class SummaryReporter implements Reporter {
  readonly #silence = new Silence(() => performance.now());
  readonly #patienceMs = 60_000 * Number(process.env[silenceVariable] ?? usualSilenceMinutes);
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
    setInterval(() => this.#listen(), Math.min(10_000, this.#patienceMs / 5)).unref();
  }

  onTestModuleStart(module: TestModule): void {
    this.#silence.began(this.#nameOf(module));
  }

  onTestModuleEnd(module: TestModule): void {
    this.#silence.ended(this.#nameOf(module));
  }

  onTestCaseReady(test: TestCase): void {
    this.#silence.began(this.#titleOf(test));
  }

  onTestCaseResult(test: TestCase): void {
    this.#silence.ended(this.#titleOf(test));
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    this.#write(modules, unhandled.map(firstLine));
  }

  #listen(): void {
    if (this.#silence.milliseconds >= this.#patienceMs) this.#giveUp();
    const running = this.#silence.worthSaying(this.#patienceMs / 5);
    if (running) console.log(`nothing happened for a while; running: ${running.join('; ') || 'no test'}`);
  }

  /** Ends every process of the run: a worker that says nothing may hold a thread that hears no signal but this. */
  #giveUp(): never {
    const running = this.#silence.running().join('; ') || 'Vitest itself, after its last test';
    const minutes = Number((this.#patienceMs / 60_000).toPrecision(2));
    const message = `no test began or ended for ${minutes} min; the run was ended. It waited for ${running}`;
    console.error(message);
    const processes = processesAreKnown() ? descendants(process.pid) : [];
    for (const pid of processes) console.error(`  ${describeProcess(pid)}`);
    this.#write(this.#vitest?.state.getTestModules() ?? [], [message]);
    for (const pid of processes) kill(pid);
    process.exit(1);
  }

  #write(modules: readonly TestModule[], errors: string[]): void {
    const file = process.env[testReportVariable];
    if (!file)
      throw new Error(`the reporter of kernelbook test needs ${testReportVariable}, the file to write`);
    const report: TestReport = { files: modules.map(toFile), errors };
    writeFileSync(file, JSON.stringify(report));
  }

  #nameOf({ moduleId }: TestModule): string {
    return path.relative(this.#vitest?.config.root ?? process.cwd(), moduleId);
  }

  #titleOf(test: TestCase): string {
    return `${this.#nameOf(test.module)} > ${titlesOf(test).join(' > ')}`;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself, or with its parent.
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
