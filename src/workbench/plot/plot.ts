/**
 * The charts notebooks use, each one function: `plot.line`, `plot.scatter`, `plot.bar`, `plot.heatmap`, and
 * `plot.figure` for anything else Plotly can draw. All return a `Figure`, shown by the notebook as the last value.
 */
import { isNdArray, type NdArray } from '../../compute/ndarray.js';
import { Figure } from './figure.js';
import type { AxisLayout, Layout, Trace } from './plotly.js';
import { textWidth } from './static/element.js';
import { type ColourScale, diverging, fontFamily, sequential, seriesColours } from './theme.js';
import { extentOf, type Numbers, type Positions, toNumbers, toPositions, toRows } from './values.js';

export interface Series {
  y: Numbers;
  /** Default 0, 1, 2, …; labels make a category axis. */
  x?: Positions;
  /** Shown in the legend. */
  name?: string;
  dashed?: boolean;
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
  /** Height in CSS pixels. Default 420. */
  height?: number;
}

export interface HeatmapOptions extends Omit<FigureOptions, 'xLog' | 'yLog' | 'xRange' | 'yRange'> {
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
  const x = options.x && toPositions(caller, options.x);
  const y = options.y && toPositions(caller, options.y);
  expectLength(caller, 'x', x, z[0]?.length ?? 0);
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
  layout.xaxis = { ...layout.xaxis, showgrid: false, zeroline: false };
  layout.yaxis = { ...layout.yaxis, showgrid: false, zeroline: false, autorange: 'reversed' };
  return new Figure([trace], layout);
}

/** Any Plotly figure. */
function figure(data: readonly Trace[], layout: Layout = {}): Figure {
  return new Figure(data, { ...toLayout({}, data), ...layout });
}

export const plot = { line, scatter, bar, heatmap, figure };

function pointChart(
  caller: string,
  input: Numbers | Series | readonly Series[],
  options: FigureOptions,
  style: (series: Series, colour: string) => Trace,
): Figure {
  const all = toSeries(input);
  const traces = all.map((one, i): Trace => {
    const y = toNumbers(caller, one.y);
    const x = one.x ? toPositions(caller, one.x) : y.map((_, at) => at);
    expectLength(caller, 'x', x, y.length);
    expectLength(caller, 'labels', one.labels, y.length);
    return {
      type: 'scatter',
      x,
      y,
      ...(one.name !== undefined && { name: one.name }),
      ...(one.labels && { text: one.labels }),
      ...style(one, seriesColours[i % seriesColours.length]!),
    };
  });
  const layout = toLayout(options, traces);
  const labelled = traces.some(({ x }) => x?.some((position) => typeof position === 'string'));
  if (labelled) layout.xaxis = { ...layout.xaxis, type: 'category', showgrid: false };
  return new Figure(traces, layout);
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
  const { title, subtitle, height = 420 } = options;
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
    xaxis: toAxis(options.xLabel, options.xLog, options.xRange, valuesOf(traces, 'x')),
    yaxis: toAxis(options.yLabel, options.yLog, options.yRange, valuesOf(traces, 'y')),
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
  range: readonly number[] | undefined,
  values: readonly number[],
): AxisLayout {
  return {
    ...(label !== undefined && { title: { text: label, standoff: 10 } }),
    ...(log && { type: 'log', dtick: logStep(range ?? values), exponentformat: 'power' }),
    // Plotly wants the range of a log axis as powers of ten.
    ...(range && { range: log ? range.map(Math.log10) : [...range] }),
    automargin: true,
  };
}

/** Distance of the ticks of a log axis in Plotly's terms: every few decades, or at 1, 2, 5 where there is one decade. */
function logStep(values: readonly number[]): number | string {
  const limits = extentOf(values.filter((value) => value > 0));
  if (!limits) return 1;
  const decades = Math.log10(limits[1] / limits[0]);
  return decades <= 1.5 ? 'D2' : Math.max(1, Math.ceil(decades / 8));
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
