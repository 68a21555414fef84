/** A heatmap trace as one image of its cells, with the colour bar beside it. */
import { formatNumber } from '../../../display/format.js';
import { type Trace, titleText } from '../plotly.js';
import { type ColourScale, colourAt, sequential } from '../theme.js';
import { extentOf } from '../values.js';
import { linearAxis } from './axis.js';
import { element, text } from './element.js';
import { encodePng } from './png.js';

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** The cells, stretched over the box; missing values stay transparent. */
export function drawCells(trace: Trace, box: Box): string {
  const rows = trace.z ?? [];
  const columns = rows[0]?.length ?? 0;
  if (rows.length === 0 || columns === 0) return '';
  const [low, high] = colourLimits(trace);
  const scale = colourScale(trace);
  const pixels = new Uint8Array(4 * rows.length * columns);
  rows.forEach((row, r) => {
    row.forEach((value, c) => {
      if (value === null || !Number.isFinite(value)) return;
      pixels.set([...colourAt(scale, (value - low) / (high - low || 1)), 255], 4 * (r * columns + c));
    });
  });
  return picture(encodePng(columns, rows.length, pixels), box);
}

/** The colour bar: a strip from high to low, with ticks on its right. */
export function drawColourBar(trace: Trace, box: Box): string {
  const [low, high] = colourLimits(trace);
  const scale = colourScale(trace);
  const steps = 64;
  const pixels = new Uint8Array(4 * steps);
  for (let i = 0; i < steps; i++) pixels.set([...colourAt(scale, 1 - i / (steps - 1)), 255], 4 * i);
  const axis = linearAxis([low, high], [box.top + box.height, box.top], 5);
  const labels = axis.ticks.map(({ at, label }) =>
    text(box.left + box.width + 6, at + 4, label, { class: 'kb-tick' }),
  );
  const bar = trace.colorbar as { title?: string | { text?: string } } | undefined;
  const title = titleText(bar?.title);
  const middle = box.top + box.height / 2;
  const side = box.left + box.width + 52;
  const heading = title
    ? text(side, middle, title, {
        class: 'kb-label',
        'text-anchor': 'middle',
        transform: `rotate(-90 ${side} ${middle})`,
      })
    : '';
  return picture(encodePng(1, steps, pixels), box) + labels.join('') + heading;
}

/** Limits of the colours in words, for the description. */
export function describeColours(trace: Trace): string {
  const [low, high] = colourLimits(trace);
  return `colours from ${formatNumber(low)} to ${formatNumber(high)}`;
}

function colourLimits(trace: Trace): [number, number] {
  if (typeof trace.zmin === 'number' && typeof trace.zmax === 'number') return [trace.zmin, trace.zmax];
  return extentOf((trace.z ?? []).flat()) ?? [0, 1];
}

function colourScale(trace: Trace): ColourScale {
  return Array.isArray(trace.colorscale) ? (trace.colorscale as ColourScale) : sequential;
}

function picture(png: Buffer, { left, top, width, height }: Box): string {
  return element('image', {
    x: left,
    y: top,
    width,
    height,
    preserveAspectRatio: 'none',
    style: 'image-rendering:pixelated',
    href: `data:image/png;base64,${png.toString('base64')}`,
  });
}
