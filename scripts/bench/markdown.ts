/** The benchmark's result as Markdown: what was measured, on what, from which commit, with which command. */
import { formatNumber, formatPercent, formatQuantity, formatSeconds } from '../../src/format.js';
import type { BenchResult, BenchRow } from './bench-gpu.js';

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
    '| kernel | shape | fused | composed | speed-up | bytes/s | FLOP/s | of the ceiling |',
    '|---|---|---:|---:|---:|---:|---:|---:|',
    ...rows.map(row),
    '',
    ...rows.flatMap(({ name, shape, note }) => (note ? [`- ${name} (${shape}): ${cell(note)}`] : [])),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function row({
  name,
  shape,
  fused,
  composed,
  speedup,
  bytesPerSecond,
  flopsPerSecond,
  share,
  limit,
}: BenchRow): string {
  const time = ({ median, low, high }: BenchRow['fused']) =>
    `${formatSeconds(median)} (± ${formatPercent((high - low) / 2 / median)})`;
  const cells = [
    name,
    shape,
    time(fused),
    composed ? time(composed) : 'none',
    speedup === undefined ? '' : `${formatNumber(speedup)} ×`,
    formatQuantity(bytesPerSecond, 'B/s'),
    formatQuantity(flopsPerSecond, 'FLOP/s'),
    `${formatPercent(share)} (${limit})`,
  ];
  return `| ${cells.join(' | ')} |`;
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
