/** The marks of the static figure: lines, markers and bars of Plotly traces, drawn between two axes. */
import type { Trace } from '../plotly.js';
import { seriesColours } from '../theme.js';
import type { Axis } from './axis.js';
import { element, short } from './element.js';

/** More points than this per line are thinned, keeping the lowest and highest of each stretch. */
const mostPoints = 800;

export interface Frame {
  x: Axis;
  y: Axis;
  /** Pixel of the value zero (or of the low end, on a log axis), where bars start. */
  base: number;
}

export function traceColour(trace: Trace, index: number): string {
  return trace.line?.color ?? trace.marker?.color ?? seriesColours[index % seriesColours.length]!;
}

export function isBar(trace: Trace): boolean {
  return trace.type === 'bar';
}

/** Plotly's rule: lines unless the mode names markers only. */
export function hasLine(trace: Trace): boolean {
  return !isBar(trace) && (trace.mode === undefined || trace.mode.includes('lines'));
}

function hasMarkers(trace: Trace): boolean {
  return !isBar(trace) && (trace.mode?.includes('markers') ?? false);
}

export function dashOf(trace: Trace): string | undefined {
  return trace.line?.dash && trace.line.dash !== 'solid' ? '6 4' : undefined;
}

/** All traces of a figure with x and y. */
export function drawTraces(traces: readonly Trace[], frame: Frame): string {
  const bars = traces.filter(isBar);
  return traces
    .map((trace, index) => {
      const colour = traceColour(trace, index);
      if (isBar(trace)) return drawBars(trace, colour, frame, bars.indexOf(trace), bars.length);
      const points = placePoints(trace, frame);
      const line = hasLine(trace) ? drawLine(points, colour, trace) : '';
      const ranges = trace.error_y ? drawRanges(trace, colour, frame) : '';
      return ranges + line + (hasMarkers(trace) ? drawMarkers(points, colour, trace) : '');
    })
    .join('');
}

type Point = readonly [number, number];

/** Pixel positions; undefined where a value is missing, so that the line is broken there. */
function placePoints(trace: Trace, { x, y }: Frame): (Point | undefined)[] {
  const ys = trace.y ?? [];
  return ys.map((value, i) => {
    const [px, py] = [x.place(trace.x ? trace.x[i] : i), y.place(value)];
    return px === undefined || py === undefined ? undefined : ([px, py] as const);
  });
}

function drawLine(points: readonly (Point | undefined)[], colour: string, trace: Trace): string {
  let path = '';
  let drawing = false;
  for (const point of thin(points)) {
    if (point) path += `${drawing ? 'L' : 'M'}${short(point[0])} ${short(point[1])}`;
    drawing = point !== undefined;
  }
  if (path === '') return '';
  return element('path', {
    d: path,
    fill: 'none',
    stroke: colour,
    'stroke-width': trace.line?.width ?? 2,
    'stroke-dasharray': dashOf(trace),
    'stroke-linejoin': 'round',
    'stroke-linecap': 'round',
  });
}

function thin(points: readonly (Point | undefined)[]): readonly (Point | undefined)[] {
  if (points.length <= mostPoints) return points;
  const stretch = Math.ceil((2 * points.length) / mostPoints);
  const kept: (Point | undefined)[] = [];
  for (let start = 0; start < points.length; start += stretch) {
    const part = points.slice(start, start + stretch);
    const present = part.filter((point) => point !== undefined);
    if (present.length < part.length) kept.push(undefined);
    if (present.length === 0) continue;
    const low = present.reduce((a, b) => (b[1] > a[1] ? b : a));
    const high = present.reduce((a, b) => (b[1] < a[1] ? b : a));
    kept.push(...(low[0] <= high[0] ? [low, high] : [high, low]));
  }
  return kept;
}

/** Both ends of the range of each point, where it has one. */
export function rangeEnds({ y = [], error_y }: Trace): number[] {
  if (!error_y) return [];
  return y.flatMap((value, i) => {
    const [above, below] = [error_y.array?.[i], error_y.arrayminus?.[i]];
    if (typeof value !== 'number') return [];
    return [
      typeof above === 'number' ? value + above : value,
      typeof below === 'number' ? value - below : value,
    ];
  });
}

/** A line from the low to the high end of each point's range, with a short bar at both. */
function drawRanges(trace: Trace, colour: string, { x, y }: Frame): string {
  const ends = rangeEnds(trace);
  const numbers = (trace.y ?? []).flatMap((value, i) => (typeof value === 'number' ? [i] : []));
  const path = numbers.map((i, n) => {
    const at = x.place(trace.x ? trace.x[i] : i);
    const [high, low] = [y.place(ends[2 * n]), y.place(ends[2 * n + 1])];
    if (at === undefined || high === undefined || low === undefined) return '';
    const bar = (end: number) => `M${short(at - 4)} ${short(end)}h8`;
    return `M${short(at)} ${short(low)}V${short(high)}${bar(low)}${bar(high)}`;
  });
  return element('path', { d: path.join(''), fill: 'none', stroke: colour, 'stroke-width': 1.5 });
}

function drawMarkers(points: readonly (Point | undefined)[], colour: string, trace: Trace): string {
  const radius = (trace.marker?.size ?? 6) / 2;
  const circles = points.map((point) =>
    point ? element('circle', { cx: point[0], cy: point[1], r: radius }) : '',
  );
  const opacity = trace.marker?.opacity;
  return element('g', { fill: colour, 'fill-opacity': opacity }, circles.join('') || ' ');
}

function drawBars(trace: Trace, colour: string, { x, y, base }: Frame, slot: number, slots: number): string {
  const group = x.band * 0.8;
  const width = group / Math.max(1, slots);
  const bars = (trace.y ?? []).map((value, i) => {
    const [centre, top] = [x.place(trace.x ? trace.x[i] : i), y.place(value)];
    if (centre === undefined || top === undefined) return '';
    const left = centre - group / 2 + slot * width;
    return element('rect', {
      x: left,
      y: Math.min(top, base),
      width: Math.max(1, width - 1),
      height: Math.abs(base - top),
    });
  });
  return element('g', { fill: colour }, bars.join('') || ' ');
}
