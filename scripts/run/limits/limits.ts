/** What a run of a notebook may use at most; undefined stands for no limit. */
export interface RunLimits {
  /** For one cell that names no limit of its own. */
  cellMs: number | undefined;
  /** From the start of the kernel to the end of the last cell. */
  notebookMs: number | undefined;
  /** Until a kernel answers for the first time. */
  startMs: number;
  /** How long an interrupted cell may take to end before its kernel is killed. */
  graceMs: number;
  /** Resident memory of a kernel with its child processes, in bytes. */
  memory: number | undefined;
  /** What a cell's outputs may take in the file, in bytes; the rest is dropped. */
  output: number;
}

export const defaultLimits: RunLimits = {
  cellMs: 600_000,
  notebookMs: undefined,
  startMs: 60_000,
  graceMs: 5_000,
  memory: undefined,
  output: 64 * 2 ** 20,
};
