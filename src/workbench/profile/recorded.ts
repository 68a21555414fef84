/**
 * Results of `kernelbook bench gpu` that are kept with the project, to be shown beside what is measured here. Each
 * carries the device, the driver, the commit and the command; one of a software device says so and never stands in for
 * a GPU.
 */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatNumber, formatSeconds } from '../../display/format.js';
import type { Table } from '../../display/html.js';

export interface RecordedResult {
  name: string;
  /** The sizes in words. */
  shape: string;
  /** Median seconds; the composed form where the bench timed it. */
  fused: number;
  composed?: number;
  device: string;
  driver: string;
  hardware: boolean;
  commit: string;
  command: string;
  measuredAt: string;
}

/**
 * Everything recorded of an operation, newest first.
 * @param op as `bench gpu` calls it, e.g. `rmsNorm`, `attention`
 * @param options.folder default `docs/results` of the checkout; a package without it has no results
 * @param options.gradient forward and gradient together instead of forward
 */
export async function recordedResults(
  op: string,
  options: { folder?: string; gradient?: boolean } = {},
): Promise<RecordedResult[]> {
  const { folder = await resultsFolder(), gradient = false } = options;
  if (folder === undefined) return [];
  const names = (await readdir(folder)).filter((name) => /^bench-gpu-.*\.json$/.test(name)).sort();
  const files = await Promise.all(
    names.map(async (name) => parse(await readFile(join(folder, name), 'utf8'), join(folder, name))),
  );
  return files
    .flatMap(({ rows, backend, commit, command, measuredAt }) =>
      rows
        .filter((row) => row.op === op && row.gradient === gradient)
        .map((row): RecordedResult => {
          const { device, driver, hardware } = backend;
          const composed = row.composed?.time?.median;
          const times = { fused: row.fused.time.median, ...(composed !== undefined && { composed }) };
          return {
            name: row.name,
            shape: row.shape,
            ...times,
            device,
            driver,
            hardware,
            commit,
            command,
            measuredAt,
          };
        }),
    )
    .sort((a, b) => b.measuredAt.localeCompare(a.measuredAt));
}

interface BenchFile {
  measuredAt: string;
  commit: string;
  command: string;
  backend: { device: string; driver: string; hardware: boolean };
  rows: {
    name: string;
    op: string;
    gradient: boolean;
    shape: string;
    fused: { time: { median: number } };
    composed?: { time?: { median: number } };
  }[];
}

/** @throws TypeError naming a file that is no result of the bench */
function parse(text: string, path: string): BenchFile {
  const file = JSON.parse(text) as Partial<BenchFile>;
  if (!Array.isArray(file.rows) || !file.backend || typeof file.measuredAt !== 'string')
    throw new TypeError(`${path} holds no results of "kernelbook bench gpu"`);
  return file as BenchFile;
}

/** Upwards from this module, which lies in src or in dist/src. */
async function resultsFolder(): Promise<string | undefined> {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const candidate = join(folder, 'docs', 'results');
    if (
      await readdir(candidate).then(
        () => true,
        () => false,
      )
    )
      return candidate;
    if (dirname(folder) === folder) return undefined;
  }
}

/** The recorded results as a table of their own: other devices are never rows of this one's. */
export function recordedTable(results: readonly RecordedResult[]): Table {
  return {
    caption: 'recorded elsewhere / 在别处记录的结果',
    head: [
      'what / 内容',
      'fused / 融合',
      'composed / 组合',
      'device / 设备',
      'driver / 驱动',
      'commit / 提交',
    ],
    rows: results.map(
      ({ name, shape, fused, composed, device, driver, hardware, commit, command, measuredAt }) => [
        { text: `${name}, ${shape}`, prose: true },
        formatSeconds(fused),
        composed === undefined ? '' : `${formatSeconds(composed)} (${formatNumber(composed / fused)} ×)`,
        { text: hardware ? device : `${device}: software, not a GPU figure`, prose: true },
        { text: driver, prose: true },
        { text: commit, title: `${command}, ${measuredAt}` },
      ],
    ),
  };
}
