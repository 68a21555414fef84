/** The two axes of a figure: their limits from the data and the layout, their kind, and how they are drawn. */

import { logTicks } from '../log-ticks.js';
import type { AxisLayout, Trace } from '../plotly.js';
import { extentOf } from '../values.js';
import { type Axis, categoryAxis, linearAxis, logAxis, niceDomain, type Span, withTicks } from './axis.js';
import { element, text, textWidth } from './element.js';
import type { Box } from './heatmap.js';
import { hasLine, isBar, rangeEnds } from './marks.js';

export function horizontalAxis(
  data: readonly Trace[],
  axis: AxisLayout,
  span: Span,
  heat: Trace | undefined,
): Axis {
  return labelledAs(axis, placedHorizontally(data, axis, span, heat), span);
}

export function verticalAxis(
  data: readonly Trace[],
  axis: AxisLayout,
  span: Span,
  heat: Trace | undefined,
): Axis {
  return labelledAs(axis, placedVertically(data, axis, span, heat), span);
}

/** With the ticks that the layout names. */
function labelledAs({ tickvals, ticktext }: AxisLayout, axis: Axis, span: Span): Axis {
  return tickvals ? withTicks(axis, tickvals, ticktext, span) : axis;
}

/** A log axis with ticks that suit its length. */
function logarithmic(limits: [number, number], span: Span): Axis {
  const { values, labels } = logTicks(...limits);
  return withTicks(logAxis(limits, span), values, labels, span);
}

function placedHorizontally(
  data: readonly Trace[],
  axis: AxisLayout,
  span: Span,
  heat: Trace | undefined,
): Axis {
  if (heat) return cellAxis(heat.x, heat.z?.[0]?.length ?? 0, span, 14);
  const values = data.flatMap((trace) => (trace.x ? [...trace.x] : (trace.y ?? []).map((_, i) => i)));
  const labels = categories(values, axis);
  if (labels) return categoryAxis(labels, span, 16);
  const numbers = values.filter((value) => typeof value === 'number');
  const limits = axisLimits(numbers, axis);
  const around = data.some(isBar) ? 0.6 : 0;
  // Lines reach the frame; markers and bars keep clear of it.
  const pad = data.some((trace) => !hasLine(trace)) ? 0.04 : 0;
  if (axis.type === 'log') return logarithmic(axis.range ? limits : padLog(limits, pad), span);
  const [low, high] = limits;
  const reach = (high - low) * pad || (around === 0 && pad > 0 ? 1 : 0);
  return linearAxis(axis.range ? limits : [low - reach - around, high + reach + around], span, 8);
}

function placedVertically(
  data: readonly Trace[],
  axis: AxisLayout,
  span: Span,
  heat: Trace | undefined,
): Axis {
  if (heat) return cellAxis(heat.y, heat.z?.length ?? 0, [span[1], span[0]], 14);
  const values = data.flatMap((trace) => [...(trace.y ?? []), ...rangeEnds(trace)]);
  const labels = categories(values, axis);
  if (labels) return categoryAxis(labels, span, 16);
  const numbers = values.filter((value) => typeof value === 'number');
  if (data.some(isBar) && axis.type !== 'log') numbers.push(0);
  const limits = axisLimits(numbers, axis);
  if (axis.type === 'log') return logarithmic(axis.range ? limits : padLog(limits, 0.05), span);
  if (axis.range) return linearAxis(limits, span, 6);
  const { low, high } = niceDomain(...limits, 6);
  return linearAxis([low, high === low ? low + 1 : high], span, 6);
}

/** Rows or columns of a heatmap: bands with their position or label in the middle. */
function cellAxis(
  positions: readonly unknown[] | undefined,
  count: number,
  span: Span,
  mostTicks: number,
): Axis {
  const labels = Array.from({ length: count }, (_, i) => String(positions?.[i] ?? i));
  return categoryAxis(labels, span, mostTicks);
}

function categories(values: readonly unknown[], axis: AxisLayout): string[] | undefined {
  const named = axis.type === 'category' || values.some((value) => typeof value === 'string');
  return named ? [...new Set(values.map(String))] : undefined;
}

function axisLimits(values: readonly number[], axis: AxisLayout): [number, number] {
  const log = axis.type === 'log';
  const [first, last] = axis.range ?? [];
  if (first !== undefined && last !== undefined) return log ? [10 ** first, 10 ** last] : [first, last];
  const usable = log ? values.filter((value) => value > 0) : values;
  return extentOf(usable) ?? (log ? [1, 10] : [0, 1]);
}

function padLog([low, high]: [number, number], share: number): [number, number] {
  const factor = (high / low) ** share || 1;
  return low === high ? [low / 2, high * 2] : [low / factor, high * factor];
}

export function drawAxes(
  x: Axis,
  y: Axis,
  { left, top, width: w, height: h }: Box,
  { xTitle, yTitle, grid }: { xTitle: string; yTitle: string; grid: boolean },
): string[] {
  const bottom = top + h;
  const lines = grid
    ? [
        ...y.ticks.map(({ at }) => element('path', { class: 'kb-grid', d: `M${left} ${at}H${left + w}` })),
        ...(x.categories ? [] : x.ticks).map(({ at }) =>
          element('path', { class: 'kb-grid', d: `M${at} ${top}V${bottom}` }),
        ),
      ]
    : [];
  const slanted = x.ticks.some(({ label }, i) => {
    const next = x.ticks[i + 1];
    return next !== undefined && textWidth(label, 13) + 6 > Math.abs(next.at - x.ticks[i]!.at);
  });
  const xLabels = x.ticks.map(({ at, label }) =>
    slanted
      ? text(at, bottom + 17, label, {
          class: 'kb-tick',
          'text-anchor': 'end',
          transform: `rotate(-30 ${at} ${bottom + 17})`,
        })
      : text(at, bottom + 19, label, { class: 'kb-tick', 'text-anchor': 'middle' }),
  );
  const yLabels = y.ticks.map(({ at, label }) =>
    text(left - 8, at + 4, label, { class: 'kb-tick', 'text-anchor': 'end' }),
  );
  const middle = top + h / 2;
  return [
    ...lines,
    element('path', { class: 'kb-axis', d: `M${left} ${top}V${bottom}H${left + w}` }),
    ...xLabels,
    ...yLabels,
    xTitle ? text(left + w / 2, bottom + 42, xTitle, { class: 'kb-label', 'text-anchor': 'middle' }) : '',
    yTitle
      ? text(18, middle, yTitle, {
          class: 'kb-label',
          'text-anchor': 'middle',
          transform: `rotate(-90 18 ${middle})`,
        })
      : '',
  ];
}
