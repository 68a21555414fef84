/** `kernelbook run --results FILE.json`: everything a run measured and checked, for later comparison by other tools. */
import type { NotebookResult } from '../run/result.js';

/** @param error why nothing was run */
export function resultsJson(results: readonly NotebookResult[], error?: string): string {
  const notebooks = results.map(
    ({ name, output, verdict, failure, seconds, peakMemory, devices, cached, uncached, regression }) => ({
      notebook: name,
      output,
      verdict,
      failure,
      seconds,
      peakMemory,
      devices,
      cached,
      uncached,
      ...regression,
    }),
  );
  return `${JSON.stringify({ format: 'kernelbook results 1', error, notebooks }, null, 1)}\n`;
}
