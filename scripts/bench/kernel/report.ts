/** The result as Markdown: figures as rows, kernels as columns, our ratio to each peer, the targets, and the reasons. */
import { ownName } from '../../../kernel/kernelspec.js';
import { formatNumber } from '../../../src/display/format.js';
import type { KernelFigures, Measured, Outcome } from './bench-kernel.js';
import { busyWarning, type Machine } from './machine.js';
import type { Figure } from './measures.js';
import { targets } from './targets.js';

export interface KernelBench extends Measured {
  measuredAt: string;
  commit: string;
  command: string;
  /** A quick run shows that everything works; its figures are few. */
  quick: boolean;
  machine: Machine;
}

export function kernelBenchMarkdown(bench: KernelBench): string {
  const { figures, kernels, machine } = bench;
  const peers = kernels.filter(({ kernel }) => kernel !== ownName);
  const own = kernels.find(({ kernel }) => kernel === ownName);
  const warning = busyWarning(machine);
  const header = [
    'figure',
    ...kernels.map(({ kernel }) => text(kernel)),
    ...peers.map(({ kernel }) => `ours / ${text(kernel)}`),
  ];
  const lines = [
    '# Jupyter kernels side by side',
    '',
    ...(warning ? [`**Note: ${warning}.**`, ''] : []),
    ...(bench.quick ? ['**A quick run: it has few samples and small sessions.**', ''] : []),
    ...kernels.map(introduction),
    `- machine: ${machine.platform}, ${text(machine.cpu)}, ${machine.cores} cores, ${machine.memoryGiB.toFixed(0)} GiB, load ${machine.load.toFixed(2)} at the start; Node ${machine.node}`,
    `- NODE_EXTRA_CA_CERTS: ${machine.extraCertificates ? 'set, so that each Node process first reads that file' : 'not set'}`,
    `- commit: ${text(bench.commit)}; measured ${bench.measuredAt}; command: \`${bench.command}\``,
    '- times: from the request until reply, `idle` and all output have arrived, by one client for all kernels; every value shown is',
    '  compared with the right one. Figures: median / 95th percentile (number of samples); the order of the kernels changes between rounds',
    '- memory: resident, the kernel process and all below it; what processes share is counted in each',
    '',
    row(header),
    row(['---', ...header.slice(1).map(() => '---:')]),
    ...figures.map((figure) =>
      row([
        figure.title,
        ...kernels.map((kernel) => shown(figure, kernel.figures[figure.id])),
        ...peers.map((peer) => ratio(figure, own?.figures[figure.id], peer.figures[figure.id])),
      ]),
    ),
    '',
    ...reasons(bench),
    '## Targets',
    '',
    row(['target', 'this run', '']),
    row(['---', '---', '---']),
    ...targets(kernels).map(({ title, met, why }) =>
      row([title, text(why), met === undefined ? 'not measured' : met ? 'met' : '**missed**']),
    ),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
}

function introduction({ kernel, implementation, language, protocol, tensors }: KernelFigures): string {
  return `- ${text(kernel)}: ${text(implementation)}, ${text(language)}, says protocol ${text(protocol)}; tensor cells: ${tensors}`;
}

function shown({ unit }: Figure, outcome: Outcome | undefined): string {
  if (!outcome || 'missing' in outcome) return '—';
  const { median, p95, samples } = outcome;
  if (unit === 'of 1') return median === 1 ? 'yes' : 'no';
  return `${formatNumber(median)} / ${formatNumber(p95)} ${unit} (${samples})`;
}

function ratio({ unit }: Figure, own: Outcome | undefined, peer: Outcome | undefined): string {
  if (unit === 'of 1' || unit === '×' || !own || !peer || 'missing' in own || 'missing' in peer) return '';
  return formatNumber(own.median / peer.median, 2);
}

function reasons({ figures, kernels }: KernelBench): string[] {
  const notes = kernels.flatMap(({ kernel, figures: values }) =>
    figures.flatMap(({ id, title }) => {
      const outcome = values[id];
      return outcome && 'missing' in outcome
        ? [`- — ${text(kernel)}, ${title}: ${text(outcome.missing)}`]
        : [];
    }),
  );
  return notes.length > 0 ? [...notes, ''] : [];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** Names and messages come from the kernels; a table must survive them. */
function text(from: string): string {
  return from.replace(/[|\\`*_<>]/g, (character) => `\\${character}`).replace(/\s+/g, ' ');
}
