/** What `kernelbook plan` prints for people. */
import { textTable } from '../../src/display/html.js';
import type { Schedule, Simulation } from '../../src/parallel/pipeline/index.js';
import type { Layout, Plan, PlanOptions } from '../../src/parallel/plan/index.js';

/** Decimal, as papers and data sheets count. */
function bytes(count: number): string {
  if (count === 0) return '0';
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(count) / 3)));
  const value = count / 1000 ** power;
  return `${value >= 100 ? Math.round(value) : Number(value.toPrecision(3))} ${units[power]}`;
}

const seconds = (value: number) =>
  value >= 1 ? `${value.toFixed(2)} s` : `${(value * 1000).toPrecision(3)} ms`;
const percent = (value: number) => `${(value * 100).toFixed(1)} %`;

function layoutText(
  { gpus, tensor, pipeline, context, expert, zero, virtual }: Layout,
  dataRanks: number,
): string {
  const parts = [
    `${dataRanks} data`,
    `${tensor} tensor`,
    `${pipeline} pipeline${virtual > 1 ? ` (${virtual} stages each)` : ''}`,
    ...(context > 1 ? [`${context} context`] : []),
  ];
  return `${gpus} GPUs = ${parts.join(' × ')}, ZeRO ${zero}${expert > 1 ? `, experts over ${expert}` : ''}`;
}

export function planTable(plan: Plan): string {
  const { bytesPerRank: own, sentBytesPerRank: sent, secondsPerStep: time } = plan;
  const rows: [string, string][] = [
    [
      'parameters',
      `${plan.parameters.toLocaleString('en')} (${Math.round(plan.parametersPerRank).toLocaleString('en')} per rank)`,
    ],
    ['layout', layoutText(plan.layout, plan.dataRanks)],
    ['weights', bytes(own.weights)],
    ['gradients', bytes(own.gradients)],
    ['optimizer', bytes(own.optimizer)],
    ['activations', bytes(own.activations)],
    ['together', `${bytes(own.total)}: ${plan.fits ? 'fits' : 'does not fit'} on one ${plan.gpu}`],
    [
      'bubble',
      `${percent(plan.bubbleFraction)} of the step, ${percent(plan.bubbleOfIdeal)} of the ideal time`,
    ],
    ...Object.entries(sent)
      .filter(([, count]) => count > 0)
      .map(([kind, count]): [string, string] => [`sent, ${kind}`, `${bytes(count)} per step`]),
    ['tokens per step', plan.tokensPerStep.toLocaleString('en')],
    ...(time
      ? ([
          [
            'time of a step',
            `${seconds(time.total)}: ${seconds(time.compute)} computing, ${seconds(time.bubble)} bubble, ${seconds(time.communication)} sending`,
          ],
          ['tokens per second', Math.round(plan.tokensPerStep / time.total).toLocaleString('en')],
        ] as [string, string][])
      : []),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
  return `${lines.join('\n')}\n\nAssumed: ${plan.assumptions.join('; ')}.`;
}

const mostRows = 20;

export function searchTable(plans: readonly Plan[], { gpu }: PlanOptions): string {
  if (plans.length === 0) return `no layout fits into the ${bytes(gpu.memoryBytes)} of a ${gpu.name}`;
  const rows = plans
    .slice(0, mostRows)
    .map(({ layout, dataRanks, bytesPerRank, bubbleFraction, secondsPerStep }) => [
      String(dataRanks),
      String(layout.tensor),
      `${layout.pipeline}${layout.virtual > 1 ? ` × ${layout.virtual}` : ''}`,
      String(layout.zero),
      String(layout.microBatches),
      bytes(bytesPerRank.total),
      percent(bubbleFraction),
      seconds(secondsPerStep!.total),
    ]);
  const head = ['data', 'tensor', 'pipeline', 'ZeRO', 'micro-batches', 'memory', 'bubble', 'step'];
  const more = plans.length > mostRows ? `\nand ${plans.length - mostRows} slower ones` : '';
  return `${textTable({ head, rows })}${more}\n\nAssumed: ${plans[0]!.assumptions.join('; ')}.`;
}

/** A line per rank, a column per unit of time where costs are whole and few; else the figures only. */
export function scheduleText({ name, ranks, microBatches }: Schedule, result: Simulation): string {
  const { makespan, idle, ownIdle, peakLive, events } = result;
  const whole =
    makespan <= 120 &&
    events.flat().every(({ start, end }) => Number.isInteger(start) && Number.isInteger(end));
  const drawn = whole
    ? events.map((own, rank) => {
        const line = Array.from({ length: makespan }, () => '·');
        for (const { kind, start, end } of own) line.fill(kind, start, end);
        return `rank ${rank}  ${line.join('')}`;
      })
    : [];
  return [
    `${name}, ${ranks} ranks, ${microBatches} micro-batches`,
    ...drawn,
    `makespan ${makespan}, of which each rank is idle ${[...new Set(idle)].join(', ')}`,
    `idle between its own first and last action: ${ownIdle.join(' ')}`,
    `chunks of activations kept at most: ${peakLive.join(' ')}`,
  ].join('\n');
}
