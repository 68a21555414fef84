/**
 * The charts notebooks use, each one function: `plot.line`, `plot.scatter`, `plot.bar`, `plot.heatmap`, and
 * `plot.figure` for anything else Plotly can draw. All return a `Figure`, shown by the notebook as the last value.
 */
import { isNdArray, type NdArray } from '../../compute/ndarray.js';
import { diagram } from '../diagram/index.js';
import { Figure } from './figure.js';
import { logTicks } from './log-ticks.js';
import type { AxisLayout, Layout, Shape, Trace } from './plotly.js';
import { textWidth } from './static/element.js';
import { rangeEnds } from './static/marks.js';
import { type ColourScale, dark, diverging, fontFamily, sequential, seriesColours } from './theme.js';
import {
  extentOf,
  type Numbers,
  type Plain,
  type Positions,
  toNumbers,
  toPositions,
  toRows,
} from './values.js';

export interface Series {
  y: Numbers;
  /** Default 0, 1, 2, …; labels make a category axis. */
  x?: Positions;
  /** Shown in the legend. */
  name?: string;
  dashed?: boolean;
  /** Ends of the range of each point, e.g. the lowest and the highest of several seeds. Both or none. */
  low?: Numbers;
  high?: Numbers;
  /** Text per point, shown on hover. */
  labels?: readonly string[];
}

export interface FigureOptions {
  title?: string;
  /** A line under the title, for example the device a measurement comes from. */
  subtitle?: string;
  xLabel?: string;
  yLabel?: string;
  xLog?: boolean;
  yLog?: boolean;
  /** Limits of the axis, in data units. */
  xRange?: readonly [number, number];
  yRange?: readonly [number, number];
  /** The positions are names (tokens, heads), also where they are numbers: equal steps, a tick each. */
  xCategories?: boolean;
  /** Vertical lines with a word, e.g. the length that was trained on. */
  marks?: readonly { x: number | string; label: string }[];
  /** Height in CSS pixels. Default 420. */
  height?: number;
}

export interface HeatmapOptions
  extends Omit<FigureOptions, 'xLog' | 'yLog' | 'xRange' | 'yRange' | 'marks' | 'xCategories'> {
  /** Positions of the columns and rows, default 0, 1, 2, …; row 0 is drawn on top. */
  x?: Positions;
  y?: Positions;
  /** What the colour means. */
  zLabel?: string;
  zRange?: readonly [number, number];
  /** Two hues around zero, for values with a sign. */
  diverging?: boolean;
}

/** Lines through the points of one or more series. */
function line(series: Numbers | Series | readonly Series[], options: FigureOptions = {}): Figure {
  return pointChart('plot.line', series, options, (one, colour) => ({
    mode: 'lines',
    line: { color: colour, width: 2, ...(one.dashed && { dash: 'dash' }) },
  }));
}

/** One marker per point. */
function scatter(series: Numbers | Series | readonly Series[], options: FigureOptions = {}): Figure {
  return pointChart('plot.scatter', series, options, (_one, colour) => ({
    mode: 'markers',
    marker: { color: colour, size: 8 },
  }));
}

/** Bars from zero, one group per position; several series stand side by side. */
function bar(series: Numbers | Series | readonly Series[], options: FigureOptions = {}): Figure {
  return pointChart('plot.bar', series, options, (_one, colour) => ({
    type: 'bar',
    marker: { color: colour },
  }));
}

/** A matrix [rows, columns] as colours, row 0 on top, with a colour bar. */
function heatmap(matrix: NdArray | readonly Numbers[], options: HeatmapOptions = {}): Figure {
  const caller = 'plot.heatmap';
  const z = toRows(caller, matrix);
  const columns = z[0]?.length ?? 0;
  const x = options.x ? toPositions(caller, options.x) : cellNames(columns);
  const y = options.y ? toPositions(caller, options.y) : cellNames(z.length);
  expectLength(caller, 'x', x, columns);
  expectLength(caller, 'y', y, z.length);
  const [zmin, zmax] = options.zRange ?? colourRange(z, options.diverging ?? false);
  const colorscale: ColourScale = options.diverging ? diverging : sequential;
  const colorbar = { title: { text: options.zLabel ?? '', side: 'right' }, thickness: 14, outlinewidth: 0 };
  const trace: Trace = {
    type: 'heatmap',
    z,
    zmin,
    zmax,
    colorscale,
    colorbar,
    ...(x && { x }),
    ...(y && { y }),
  };
  const layout = toLayout(options, [trace]);
  layout.xaxis = { ...layout.xaxis, ...cellAxis(columns) };
  layout.yaxis = { ...layout.yaxis, ...cellAxis(z.length), autorange: 'reversed' };
  return new Figure([trace], layout);
}

/** Rows and columns are categories as long as each can have a name: there is no row 1.5. */
const haveNames = (count: number) => count <= 40;

function cellAxis(count: number): AxisLayout {
  return { showgrid: false, zeroline: false, ...(haveNames(count) && { type: 'category' }) };
}

/** Plotly does not number the categories of an axis by itself: without names it draws none. */
function cellNames(count: number): string[] | undefined {
  return haveNames(count) ? Array.from({ length: count }, (_, index) => String(index)) : undefined;
}

/** What several seeds (or runs) gave, by arm. */
export type Samples = Readonly<Record<string, Numbers>>;

/**
 * Every sample as a point, one column per arm, beside the median with the range from the lowest to the highest. For
 * experiments with few seeds, where a bar would hide how few there are.
 */
function points(
  samples: Samples,
  options: Omit<FigureOptions, 'xLog' | 'xRange' | 'marks' | 'xCategories'> = {},
): Figure {
  const caller = 'plot.points';
  const arms = Object.entries(samples).map(([name, values]) => {
    const numbers = toNumbers(caller, values).filter((value) => value !== null);
    if (numbers.length === 0) throw new RangeError(`${caller}: ${name} has no finite value to draw`);
    return { name, numbers };
  });
  const colour = (i: number) => seriesColours[i % seriesColours.length]!;
  const traces = arms.flatMap(({ name, numbers }, i): Trace[] => {
    const middle = quantile(numbers, 0.5);
    const sides = {
      array: [Math.max(...numbers) - middle],
      arrayminus: [middle - Math.min(...numbers)],
    };
    // The points stand beside each other, in their order, left of the median.
    const x = numbers.map((_, n) => i - 0.28 + (0.32 * (n + 0.5)) / numbers.length);
    return [
      {
        type: 'scatter',
        mode: 'markers',
        name,
        x,
        y: numbers,
        marker: { color: colour(i), size: 6, opacity: 0.6 },
      },
      {
        type: 'scatter',
        mode: 'markers',
        name: `${name}, median`,
        x: [i + 0.2],
        y: [middle],
        marker: { color: colour(i), size: 10, symbol: 'diamond' },
        error_y: { type: 'data', symmetric: false, ...sides, color: colour(i), thickness: 1.5, width: 4 },
      },
    ];
  });
  const layout = toLayout(options, traces);
  layout.showlegend = false;
  layout.margin = {
    ...(layout.margin as object),
    t: (layout.margin as { t: number }).t - 20 * legendRows(traces),
  };
  const tickvals = arms.map((_, i) => i);
  const ticktext = arms.map(({ name }) => name);
  const range = [-0.6, arms.length - 0.4];
  layout.xaxis = {
    ...layout.xaxis,
    tickmode: 'array',
    tickvals,
    ticktext,
    range,
    showgrid: false,
    zeroline: false,
  };
  return new Figure(traces, layout);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const position = share * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(position)]!, sorted[Math.ceil(position)]!];
  return below + (above - below) * (position % 1);
}

/** Any Plotly figure. */
function figure(data: readonly Trace[], layout: Layout = {}): Figure {
  return new Figure(data, { ...toLayout({}, data), ...layout });
}

export const plot = { line, scatter, bar, points, heatmap, figure, diagram };

function pointChart(
  caller: string,
  input: Numbers | Series | readonly Series[],
  options: FigureOptions,
  style: (series: Series, colour: string) => Trace,
): Figure {
  const all = toSeries(input);
  const traces = all.map((one, i): Trace => {
    const y = toNumbers(caller, one.y);
    const positions = one.x ? toPositions(caller, one.x) : y.map((_, at) => at);
    const x = options.xCategories ? positions.map(String) : positions;
    expectLength(caller, 'x', x, y.length);
    expectLength(caller, 'labels', one.labels, y.length);
    return {
      type: 'scatter',
      x,
      y,
      ...(one.name !== undefined && { name: one.name }),
      ...(one.labels && { text: one.labels }),
      ...style(one, seriesColours[i % seriesColours.length]!),
      ...rangeOf(caller, one, y, seriesColours[i % seriesColours.length]!),
    };
  });
  const layout = toLayout(options, traces);
  const labelled = traces.some(({ x }) => x?.some((position) => typeof position === 'string'));
  if (labelled) layout.xaxis = { ...layout.xaxis, type: 'category', showgrid: false };
  return new Figure(traces, layout);
}

/** Plotly wants distances from the point. */
function rangeOf(caller: string, { low, high }: Series, y: readonly Plain[], color: string): Trace {
  if (!low && !high) return {};
  if (!low || !high) throw new TypeError(`${caller}: a range needs both ends, low and high`);
  const [lows, highs] = [toNumbers(caller, low), toNumbers(caller, high)];
  expectLength(caller, 'low', lows, y.length);
  expectLength(caller, 'high', highs, y.length);
  const distance = (to: readonly Plain[], sign: 1 | -1) =>
    y.map((value, i) => {
      const end = to[i] ?? null;
      if (value === null || end === null) return null;
      if (sign * (end - value) < 0)
        throw new RangeError(
          `${caller}: the range of point ${i} does not hold it: ${lows[i]} to ${highs[i]}, y ${value}`,
        );
      return Math.abs(end - value);
    });
  return {
    error_y: {
      type: 'data',
      symmetric: false,
      array: distance(highs, 1),
      arrayminus: distance(lows, -1),
      color,
      thickness: 1.5,
      width: 4,
    },
  };
}

function toSeries(input: Numbers | Series | readonly Series[]): readonly Series[] {
  if (Array.isArray(input) && input.every((one) => typeof one === 'object' && one !== null && 'y' in one)) {
    return input as readonly Series[];
  }
  if (!isNdArray(input) && typeof input === 'object' && input !== null && 'y' in input)
    return [input as Series];
  return [{ y: input as Numbers }];
}

/** Title, axes and legend of a chart of these traces. */
export function toLayout(options: FigureOptions, traces: readonly Trace[]): Layout {
  const { title, subtitle, height = 420, marks = [] } = options;
  const marked = marks.flatMap(({ x }) => (typeof x === 'number' ? [x] : []));
  const heading = title === undefined && subtitle === undefined ? 0 : subtitle === undefined ? 44 : 62;
  const rows = legendRows(traces);
  return {
    ...(heading > 0 && {
      title: {
        text: title ?? '',
        x: 0,
        xref: 'container',
        y: 1,
        yref: 'container',
        yanchor: 'top',
        pad: { t: 14, l: 16 },
        font: { size: 16, weight: 600 },
        ...(subtitle !== undefined && { subtitle: { text: subtitle, font: { size: 12 } } }),
      },
    }),
    xaxis: toAxis(options.xLabel, options.xLog, options.xRange, [...valuesOf(traces, 'x'), ...marked], true),
    yaxis: toAxis(
      options.yLabel,
      options.yLog,
      options.yRange,
      [...valuesOf(traces, 'y'), ...traces.flatMap(rangeEnds)],
      false,
    ),
    ...(marks.length > 0 && { shapes: marks.map(toShape) }),
    showlegend: rows > 0,
    legend: { orientation: 'h', font: { size: 12 }, x: 0, xanchor: 'left', y: 1.01, yanchor: 'bottom' },
    margin: { l: 60, r: 24, t: 24 + heading + 20 * rows, b: 48 },
    height,
    colorway: [...seriesColours],
    font: { family: fontFamily, size: 13 },
  };
}

function toAxis(
  label: string | undefined,
  log: boolean | undefined,
  range: readonly [number, number] | undefined,
  values: readonly number[],
  chosen: boolean,
): AxisLayout {
  return {
    ...(label !== undefined && { title: { text: label, standoff: 10 } }),
    ...(log && { type: 'log', ...logLabels(range, values, chosen) }),
    // Plotly wants the range of a log axis as powers of ten.
    ...(range && { range: log ? range.map(Math.log10) : [...range] }),
    automargin: true,
  };
}

/** @param chosen whether the values are positions that somebody chose: they may be ticks themselves */
function logLabels(
  range: readonly [number, number] | undefined,
  values: readonly number[],
  chosen: boolean,
): AxisLayout {
  const positive = values.filter((value) => value > 0);
  const limits = range ?? extentOf(positive);
  if (!limits) return {};
  // Plotly widens the axis a little beyond the data, where a tick may stand too.
  const room = range ? 1 : (limits[1] / limits[0]) ** 0.06;
  const ticks = logTicks(limits[0] / room, limits[1] * room, chosen ? positive : []);
  return { tickmode: 'array', tickvals: ticks.values, ticktext: ticks.labels };
}

function toShape({ x, label }: { x: number | string; label: string }): Shape {
  return {
    type: 'line',
    x0: x,
    x1: x,
    yref: 'paper',
    y0: 0,
    y1: 1,
    line: { color: dark.muted, width: 1.5, dash: 'dot' },
    label: { text: label, textposition: 'end', textangle: 0, xanchor: 'left', yanchor: 'top', padding: 4 },
  };
}

function valuesOf(traces: readonly Trace[], axis: 'x' | 'y'): number[] {
  return traces.flatMap((trace) => (trace[axis] ?? []).filter((value) => typeof value === 'number'));
}

/** Rows of Plotly's legend, whose entries are all as wide as the widest; none for a single name. */
function legendRows(traces: readonly Trace[]): number {
  const names = traces.flatMap(({ name, showlegend }) =>
    name === undefined || showlegend === false ? [] : [name],
  );
  if (names.length < 2) return 0;
  const widest = Math.max(...names.map((name) => textWidth(name, 12))) + 48;
  return Math.ceil(names.length / Math.max(1, Math.floor(660 / widest)));
}

function colourRange(rows: readonly (readonly (number | null)[])[], symmetric: boolean): [number, number] {
  const [low, high] = extentOf(rows.flat()) ?? [0, 1];
  if (symmetric) {
    const reach = Math.max(Math.abs(low), Math.abs(high)) || 1;
    return [-reach, reach];
  }
  return low === high ? [low, low + 1] : [low, high];
}

function expectLength(
  caller: string,
  what: string,
  list: readonly unknown[] | undefined,
  length: number,
): void {
  if (list && list.length !== length) {
    throw new RangeError(`${caller}: ${what} has ${list.length} entries, the data has ${length}`);
  }
}
