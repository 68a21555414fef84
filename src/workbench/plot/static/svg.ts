/**
 * A Plotly figure as a static SVG, so that figures are read and printed where no script runs. Draws lines, markers,
 * bars and heatmaps on linear, log and category axes; other trace types leave a note in their place. Light and dark
 * follow the reader's preference, or the page's own `--kb-ink`, `--kb-paper`, `--kb-muted`, `--kb-grid` where the SVG
 * stands inline.
 */
import { formatNumber } from '../../../display/format.js';
import { type Layout, type Trace, titleText } from '../plotly.js';
import { extentOf } from '../values.js';
import { drawAxes, horizontalAxis, verticalAxis } from './axes.js';
import { element, text, textWidth, withoutTags } from './element.js';
import { type Box, describeColours, drawCells, drawColourBar } from './heatmap.js';
import { drawLegend, legendEntries } from './legend.js';
import { drawTraces } from './marks.js';
import { svgPage } from './page.js';
import { drawVerticalLines, verticalLines } from './vertical-lines.js';

/** Narrow enough that its text can still be read on a phone, where the figure is scaled down. */
const width = 600;

export function staticSvg(data: readonly Trace[], layout: Layout): string {
  const height = typeof layout.height === 'number' ? layout.height : 420;
  const title = titleText(layout.title);
  const subtitle = typeof layout.title === 'object' ? (layout.title.subtitle?.text ?? '') : '';
  const legend = legendEntries(data, layout);
  const heat = data.find((trace) => trace.type === 'heatmap');
  let top = 18;
  const parts: string[] = [];
  for (const [line, step, style] of [
    [title, 14, 'kb-title'],
    [subtitle, 20, 'kb-tick'],
  ] as const) {
    if (!line) continue;
    top += step;
    parts.push(text(16, top, line, { class: style }));
  }
  const { markup, bottom } = drawLegend(legend, top + (title || subtitle ? 12 : 0), width);
  parts.push(markup);
  const yTitle = titleText(layout.yaxis?.title);
  const xTitle = titleText(layout.xaxis?.title);
  const frame: Box = {
    left: 0,
    top: bottom + 10,
    width: 0,
    height: height - bottom - 10 - (xTitle ? 58 : 36),
  };
  // The labels of the vertical axis decide how far it stands from the edge.
  const probe = verticalAxis(data, layout.yaxis ?? {}, [frame.top + frame.height, frame.top], heat);
  const widest = Math.max(0, ...probe.ticks.map(({ label }) => textWidth(label, 13)));
  frame.left = Math.min(220, Math.max(44, widest + (yTitle ? 42 : 24)));
  frame.width = width - frame.left - (heat ? 96 : 24);
  const lines = verticalLines(layout);
  const reached = lines.length > 0 && !heat ? [...data, { x: lines.map(({ x }) => x), y: [] }] : data;
  const x = horizontalAxis(reached, layout.xaxis ?? {}, [frame.left, frame.left + frame.width], heat);
  const known = data.filter(isDrawn);
  if (known.length > 0 || data.length === 0) {
    parts.push(...drawAxes(x, probe, frame, { xTitle, yTitle, grid: !heat }));
  }
  if (heat) {
    const bar = { left: frame.left + frame.width + 16, top: frame.top, width: 14, height: frame.height };
    parts.push(drawCells(heat, frame), drawColourBar(heat, bar));
  }
  parts.push(drawVerticalLines(lines, x, frame));
  const base = probe.place(0) ?? frame.top + frame.height;
  const marks = drawTraces(
    known.filter((trace) => trace !== heat),
    { x, y: probe, base: Math.min(frame.top + frame.height, Math.max(frame.top, base)) },
  );
  const ranged = layout.xaxis?.range !== undefined || layout.yaxis?.range !== undefined;
  parts.push(ranged ? clipped(marks, frame) : marks);
  if (known.length < data.length) parts.push(notice(data, frame));
  return svgPage(width, height, describe(title, subtitle, data), parts.join(''));
}

/** The words of a figure: title and, per trace, how many points between which limits. */
export function describe(
  title: string,
  subtitle: string,
  data: readonly Trace[],
): { title: string; detail: string } {
  const traces = data.map((trace, i) => {
    const name = withoutTags(trace.name ?? `series ${i + 1}`);
    if (trace.type === 'heatmap') {
      return `${trace.z?.length ?? 0} × ${trace.z?.[0]?.length ?? 0} cells, ${describeColours(trace)}`;
    }
    const values = (trace.y ?? []).filter((value) => typeof value === 'number');
    const limits = extentOf(values);
    if (!limits) return `${name}: ${trace.type ?? 'scatter'}`;
    const [low, high] = limits;
    return `${name}: ${values.length} points from ${formatNumber(low)} to ${formatNumber(high)}`;
  });
  return {
    title: withoutTags(title) || 'Figure',
    detail: [withoutTags(subtitle), ...traces].filter(Boolean).join('; '),
  };
}

/** An inner svg cuts at its edges without an id, which would have to be unique in the page. */
function clipped(content: string, { left, top, width: w, height: h }: Box): string {
  const viewBox = `${left} ${top} ${w} ${h}`;
  return element('svg', { x: left, y: top, width: w, height: h, viewBox }, content);
}

function isDrawn(trace: Trace): boolean {
  return trace.type === undefined || ['scatter', 'scattergl', 'bar', 'heatmap'].includes(trace.type);
}

function notice(data: readonly Trace[], { left, top, width: w, height: h }: Box): string {
  const types = [...new Set(data.filter((trace) => !isDrawn(trace)).map((trace) => trace.type))].join(', ');
  const words = `${types}: drawn where JavaScript runs`;
  return text(left + w / 2, top + h / 2, words, { class: 'kb-label', 'text-anchor': 'middle' });
}
