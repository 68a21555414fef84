/**
 * The key of a result: everything the outcome of a run depends on, as far as it can be known before it. Two runs with the
 * same key give the same result; where that cannot be said there is no key, and the reason instead.
 */
import { resolve } from 'node:path';
import { isOwnKernel } from '../check/own-kernel.js';
import type { MachineProbe } from '../check/probe-machine.js';
import { goldenPath } from '../regression/golden-file.js';
import type { RegressionOptions } from '../regression/regression.js';
import { allBudgets } from '../regression/settings.js';
import type { NotebookJob } from '../run/result.js';
import { contentOf, dependenciesOfNotebook } from './content.js';
import type { Dependencies } from './dependencies.js';
import { FileHashes, sha256 } from './file-hashes.js';
import { cacheSetting } from './setting.js';
import { buildParts, deviceParts, environmentParts, projectParts, runtimeParts } from './surroundings.js';

export type ResultKey =
  | {
      key: string;
      /** Whether the device is a part of it, which is asked for apart: that takes as long as loading the drivers. */
      needsDevice: boolean;
      /** Whether it also depends on what its kernel was seen to reach (`observed.ts`), not only on what is said of it. */
      observed: boolean;
      reason?: undefined;
    }
  | { key?: undefined; needsDevice?: undefined; observed?: undefined; reason: string };

export interface KeyOptions {
  regression: RegressionOptions;
  /** Whether types are checked before the run. */
  checked: boolean;
  probe: Pick<MachineProbe, 'devices'>;
}

export type KeyedJob = Pick<
  NotebookJob,
  'notebook' | 'path' | 'cwd' | 'spec' | 'env' | 'limits' | 'secrets' | 'skips'
>;

/** The build has a thousand files: those of hundreds of small notebooks in a row need not look at them each time. */
const buildPatienceMs = 1_000;

const none: Dependencies = {
  files: new Set(),
  packages: new Set(),
  usesPackages: false,
  unknown: new Set(),
};

export class ResultKeys {
  readonly hashes = new FileHashes();
  #known: { at: number; parts: unknown } | undefined;
  readonly #contents = new WeakMap<KeyedJob, string>();

  constructor(readonly options: KeyOptions) {}

  /** Asked for before the run, and after it: files may have changed meanwhile. */
  of(job: KeyedJob): ResultKey {
    const { notebook, cwd, spec, env, limits } = job;
    const { regression, checked } = this.options;
    const setting = cacheSetting(notebook);
    const refusal = this.#refusal(job, setting.keep === 'never');
    if (refusal !== undefined) return { reason: refusal };
    const own = isOwnKernel(spec);
    if (!own && setting.keep !== 'always')
      return { reason: `what a ${spec.name} kernel imports is not known` };
    const code = own ? dependenciesOfNotebook(notebook, cwd) : none;
    const [unknown] = code.unknown;
    if (unknown !== undefined && setting.keep !== 'always') return { reason: unknown };
    const reads = setting.reads.map((name) => [name, this.hashes.tree(resolve(cwd, name))] as const);
    const missing = reads.find(([, hash]) => hash === undefined);
    if (missing) return { reason: `kernelbook.cache names ${missing[0]}, which is not there` };
    const files = [...code.files, ...code.packages].sort().map((file) => [file, this.hashes.file(file)]);
    const golden = regression.golden === 'off' ? 'off' : (this.hashes.file(goldenPath(job.path)) ?? 'none');
    const parts = [
      this.#contentOf(job),
      job.path,
      [files, reads],
      [this.#build(), projectParts(cwd, this.hashes)],
      [spec, runtimeParts(spec), environmentParts(env)],
      [limits, golden, checked],
    ];
    const needsDevice = !own || code.usesPackages;
    return { key: sha256(JSON.stringify(parts)), needsDevice, observed: setting.keep !== 'always' };
  }

  /** What computes, for a key that needs it; undefined where that could not be found out. */
  async device({ env }: KeyedJob): Promise<string | undefined> {
    const parts = await deviceParts(env, this.options.probe);
    return parts === undefined ? undefined : sha256(JSON.stringify(parts));
  }

  #build(): unknown {
    const now = performance.now();
    if (!this.#known || now - this.#known.at > buildPatienceMs)
      this.#known = { at: now, parts: buildParts(this.hashes) };
    return this.#known.parts;
  }

  #refusal({ notebook, secrets, skips }: KeyedJob, never: boolean): string | undefined {
    if (never) return 'the notebook says so';
    if (!secrets.none) return 'it has secret parameters';
    if (skips.notebook !== undefined || skips.cells.size > 0) return 'something of it is skipped here';
    const budgets = allBudgets(notebook, this.options.regression.budgets);
    if (budgets.some((one) => Object.keys(one).length > 0)) return 'it has budgets of time or memory';
    return undefined;
  }

  /** The notebook as it was before its run, which changes it. */
  #contentOf(job: KeyedJob): string {
    let hash = this.#contents.get(job);
    if (hash === undefined) {
      hash = sha256(JSON.stringify(contentOf(job.notebook)));
      this.#contents.set(job, hash);
    }
    return hash;
  }
}
