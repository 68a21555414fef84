/** What a run is asked to do. */
import type { CheckedNotebook } from '../check/finding.js';
import type { RegressionOptions } from '../regression/regression.js';
import type { RunLimits } from './limits/limits.js';
import type { KernelSource } from './notebook-kernel.js';
import type { GivenParameter } from './parameters/parameters.js';
import type { Progress } from './progress.js';
import type { Shard } from './schedule/shard.js';

export interface RunOptions {
  /** Files and folders. */
  targets: string[];
  /** Folders of results: none of their notebooks is run because a folder above them was named. */
  without: string[];
  output: string;
  parameters: GivenParameter[];
  jobs: number;
  /** How many kernels are started ahead of the notebooks that come next. */
  warmKernels: number;
  /** Bytes; see `schedule.ts`. */
  memoryCap: number | undefined;
  /** Of the notebooks, only those of this part. */
  shard: Shard | undefined;
  /** Overrides the kernel the notebooks name. */
  kernel: string | undefined;
  kernels: KernelSource;
  /** Whether a driver that is installed is tried before the run, since without one that works another is fetched. */
  triesDriver?: boolean;
  limits: RunLimits;
  /** Notebooks that passed before and have not changed are not run again. */
  resume: boolean;
  /** A result that is kept of an earlier run is taken where nothing has changed since (`scripts/result-cache`). */
  reuse: boolean;
  regression: RegressionOptions;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  progress: Progress;
  /** Gets what the check before the run found; undefined for a run without that check. */
  onChecked: ((checked: CheckedNotebook[]) => Promise<void>) | undefined;
}
