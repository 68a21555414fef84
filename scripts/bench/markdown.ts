/** The benchmark's result as Markdown: what was measured, on what, from which commit, with which command. */
import { formatNumber, formatPercent, formatQuantity, formatSeconds } from '../../src/display/format.js';
import type { Spread } from '../../src/workbench/profile/index.js';
import type { BenchResult, BenchRow, BenchWay } from './bench-gpu.js';
import { targetResults } from './targets.js';

export function benchMarkdown(result: BenchResult): string {
  const { backend, machine, ceilings, rows } = result;
  const lines = [
    `# Fused kernels against composed operations: ${cell(backend.device)}`,
    '',
    ...(result.caveat
      ? [
          `**${result.caveat}.** These times compare two forms on this machine and say nothing about a GPU.`,
          '',
        ]
      : []),
    `- device: ${cell(backend.device)}${backend.driver ? `, ${cell(backend.driver)}` : ''} (${backend.name})`,
    `- machine: ${machine.platform}, ${cell(machine.cpu)}, ${machine.threads} threads, Node ${machine.node}`,
    `- commit: ${cell(result.commit)}; measured ${result.measuredAt}; command: \`${result.command}\``,
    `- measured ceilings: copy ${formatQuantity(ceilings.copyBytesPerSecond, 'B/s')} (${formatQuantity(ceilings.copyBytes, 'B')} moved), float32 matmul ${formatQuantity(ceilings.matmulFlopsPerSecond, 'FLOP/s')} (n = ${ceilings.matmulSize})`,
    `- time: ${method(rows)}, median of interleaved samples, in brackets half the distance of the quartiles; rates count necessary bytes and operations only`,
    '',
    '| kernel | shape | fused | composed | speed-up | plain tfjs | bytes/s | FLOP/s | of the ceiling |',
    '|---|---|---:|---:|---:|---:|---:|---:|---:|',
    ...rows.map(timeRow),
    '',
    'GPU memory at the peak beyond the inputs, results included:',
    '',
    '| kernel | shape | fused | composed | fused / composed | plain tfjs |',
    '|---|---|---:|---:|---:|---:|',
    ...rows.map(memoryRow),
    '',
    ...targetTable(rows),
    ...torchTable(result),
    ...rows.flatMap(({ name, shape, note }) => (note ? [`- ${name} (${shape}): ${cell(note)}`] : [])),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

const line = (cells: string[]) => `| ${cells.join(' | ')} |`;

const timeText = ({ median, low, high }: Spread) =>
  `${formatSeconds(median)} (± ${formatPercent((high - low) / 2 / median)})`;

function timeRow(row: BenchRow): string {
  const time = (way: BenchWay | undefined) => (way ? timeText(way.time) : 'none');
  return line([
    row.name,
    row.shape,
    time(row.fused),
    time(row.composed),
    row.speedup === undefined ? '' : `${formatNumber(row.speedup)} ×`,
    time(row.plain),
    formatQuantity(row.bytesPerSecond, 'B/s'),
    formatQuantity(row.flopsPerSecond, 'FLOP/s'),
    `${formatPercent(row.share)} (${row.limit})`,
  ]);
}

function memoryRow({ name, shape, fused, composed, plain }: BenchRow): string {
  const bytes = (way: BenchWay | undefined) => (way ? formatQuantity(way.peakBytes, 'B') : 'none');
  const ratio = composed ? formatPercent(fused.peakBytes / composed.peakBytes) : '';
  return line([name, shape, bytes(fused), bytes(composed), ratio, bytes(plain)]);
}

function targetTable(rows: readonly BenchRow[]): string[] {
  const results = targetResults(rows);
  if (results.length === 0) return [];
  return [
    'What the fused kernels are meant to gain over the composed forms:',
    '',
    '| target | measured on | measured | |',
    '|---|---|---:|---|',
    ...results.map(({ target, kernel, measured, met }) =>
      line([target, kernel, measured, met ? 'met' : 'missed']),
    ),
    '',
  ];
}

/** PyTorch on the same machine in the same run, where it was asked for. */
function torchTable({ torch, rows }: BenchResult): string[] {
  if (torch === undefined) return [];
  const measured = rows.filter((row) => row.torch);
  if (measured.length === 0) return [`PyTorch: ${cell(torch)}`, ''];
  const waysOf = ['eager', 'sdpa', 'compile'];
  return [
    `The same in PyTorch (${cell(torch)}); fused / torch is the time of the fused kernel over that of PyTorch's fastest way:`,
    '',
    line(['kernel', 'shape', 'fused', ...waysOf, 'fused / torch']),
    '|---|---|---:|---:|---:|---:|---:|',
    ...measured.map((row) => {
      const times = waysOf.map((way) => row.torch?.[way]);
      const best = Math.min(...Object.values(row.torch!).map(({ median }) => median));
      return line([
        row.name,
        row.shape,
        timeText(row.fused.time),
        ...times.map((time) => (time ? timeText(time) : 'none')),
        formatNumber(row.fused.time.median / best),
      ]);
    }),
    '',
  ];
}

function method(rows: readonly BenchRow[]): string {
  return rows.every((one) => one.method === 'timestamps')
    ? 'GPU timestamps, summed over the dispatches'
    : 'wall time until the device is idle';
}

/** Names of devices and messages come from outside; a table must survive them. */
function cell(text: string): string {
  return text.replace(/[|\\`*_<>]/g, (character) => `\\${character}`).replace(/\s+/g, ' ');
}
