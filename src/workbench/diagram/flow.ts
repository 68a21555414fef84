/** Blocks and arrows: what goes into what, with the shapes of the real tensors. */

import { element, short } from '../plot/static/element.js';
import { seriesColours } from '../plot/theme.js';
import { layOut, type Place } from './layers.js';
import { arrowHead, box, label, lineHeight, linesOf, type Picture, type Point, widthOf } from './picture.js';
import { AxisNames, type Shaped, type ShapeLabel } from './shape.js';

export interface Block {
  /** "English / 中文" or one text for both. Default: its key. */
  label?: string;
  /** The tensor that this block is, or makes: its shape is printed. */
  tensor?: Shaped;
  /** Names of its axes, one letter each: `BHTD`. */
  axes?: string | readonly string[];
  /** A small line below, e.g. a formula. */
  note?: string;
  /** Blocks of one kind have one colour. Default: `tensor` where there is one, else `operation`. */
  kind?: string;
}

/** An arrow from one block to another, by their keys, with a word beside it. */
export type Arrow = readonly [from: string, to: string, label?: string];

export interface FlowOptions {
  blocks: Readonly<Record<string, Block>>;
  arrows: readonly Arrow[];
}

interface Drawn {
  id: string;
  label: string;
  shape: ShapeLabel | undefined;
  note: string | undefined;
  kind: string;
  width: number;
  height: number;
}

const between = 34;
const pad = 11;

/** @throws RangeError for an unknown block, a circle, or axes that do not fit the shapes */
export function flow({ blocks, arrows }: FlowOptions): Picture {
  const caller = 'diagram.flow';
  const axes = new AxisNames(caller);
  const drawn = Object.entries(blocks).map(([id, block]) => measure(id, block, axes));
  if (drawn.length === 0) throw new RangeError(`${caller}: there is no block to draw`);
  for (const id of arrows.flatMap((arrow): string[] => arrow.slice(0, 2) as string[])) {
    if (!Object.hasOwn(blocks, id)) {
      throw new RangeError(
        `${caller}: an arrow names ${id}, which is no block; there are ${Object.keys(blocks).join(', ')}`,
      );
    }
  }
  const layout = layOut(
    caller,
    drawn,
    arrows.map(([from, to]) => [from, to] as const),
  );
  const heights = Array.from({ length: layout.layers }, (_, layer) =>
    Math.max(...drawn.filter(({ id }) => layout.places.get(id)!.layer === layer).map(({ height }) => height)),
  );
  const tops = heights.map((_, layer) =>
    heights.slice(0, layer).reduce((sum, height) => sum + height + between, 0),
  );
  const middle = (layer: number) => tops[layer]! + heights[layer]! / 2;
  const kinds = [...new Set(drawn.map(({ kind }) => kind))];
  const nodes = drawn.map((node) => {
    const { x, layer } = layout.places.get(node.id)!;
    return drawBlock(node, x, middle(layer), seriesColours[kinds.indexOf(node.kind) % seriesColours.length]!);
  });
  const heightOf = new Map(drawn.map(({ id, height }) => [id, height]));
  const wires = arrows.map(([from, to, words], i) => {
    const route = layout.routes[i]!;
    const start: Point = [route[0]!.x, middle(route[0]!.layer) + heightOf.get(from)! / 2];
    const end: Point = [route.at(-1)!.x, middle(route.at(-1)!.layer) - heightOf.get(to)! / 2 - 2];
    return drawWire(start, route.slice(1, -1), end, { tops, heights }, words);
  });
  const names = new Map(drawn.map((node) => [node.id, spoken(node)]));
  // A word beside the outermost way needs its room too.
  const reach = arrows.map(([, , words], i) =>
    words
      ? Math.max(...layout.routes[i]!.slice(1, -1).map(({ x }) => x), 0) + 10 + widthOf(words, 'kb-small')
      : 0,
  );
  const sentence = arrows.map(([from, to]) => `${names.get(from)} → ${names.get(to)}`).join('; ');
  return {
    width: Math.max(layout.width, ...reach),
    height: tops.at(-1)! + heights.at(-1)!,
    markup: wires.join('') + nodes.join(''),
    words: sentence || [...names.values()].join('; '),
  };
}

function measure(id: string, block: Block, axes: AxisNames): Drawn {
  const { label: name = id, tensor, note, kind = tensor ? 'tensor' : 'operation' } = block;
  const shape = tensor && axes.label(id, tensor, block.axes);
  const widths = [
    widthOf(name, 'kb-node'),
    ...(shape?.axes ? [widthOf(shape.axes, 'kb-shape')] : []),
    ...(shape ? [widthOf(shape.extents, 'kb-shape')] : []),
    ...(note ? [widthOf(note, 'kb-small')] : []),
  ];
  const lines = linesOf(name) + (shape ? 1 + (shape.axes ? 1 : 0) : 0) + (note ? linesOf(note) : 0);
  return {
    id,
    label: name,
    shape,
    note,
    kind,
    width: Math.max(44, ...widths) + 2 * pad,
    height: lines * lineHeight + pad,
  };
}

const spoken = ({ label: name, shape }: Drawn): string =>
  [name, shape?.axes, shape?.extents].filter(Boolean).join(' ');

function drawBlock(
  { label: name, shape, note, width, height }: Drawn,
  x: number,
  y: number,
  colour: string,
): string {
  let at = y - height / 2 + pad / 2;
  const next = (content: string, font: 'kb-node' | 'kb-shape' | 'kb-small') => {
    const lines = linesOf(content);
    at += lines * lineHeight;
    return label(x, at - (lines * lineHeight) / 2, content, font);
  };
  return [
    // The ground below the pale colour: arrows end at the block, also those that pass behind it.
    element('rect', { class: 'kb-paper', x: x - width / 2, y: y - height / 2, width, height, rx: 5 }),
    box(x - width / 2, y - height / 2, width, height, colour),
    next(name, 'kb-node'),
    ...(shape?.axes ? [next(shape.axes, 'kb-shape')] : []),
    ...(shape ? [next(shape.extents, 'kb-shape')] : []),
    ...(note ? [next(note, 'kb-small')] : []),
  ].join('');
}

/** Straight down past the rows in between, and in curves from column to column between the rows. */
function drawWire(
  start: Point,
  free: readonly Place[],
  end: Point,
  { tops, heights }: { tops: readonly number[]; heights: readonly number[] },
  words: string | undefined,
): string {
  const points: Point[] = [
    start,
    ...free.flatMap(({ x, layer }): Point[] => [
      [x, tops[layer]! - between / 4],
      [x, tops[layer]! + heights[layer]! + between / 4],
    ]),
    end,
  ];
  let path = `M${short(start[0])} ${short(start[1])}`;
  for (let i = 1; i < points.length; i++) {
    const [[x0, y0], [x1, y1]] = [points[i - 1]!, points[i]!];
    const bend = (y0 + y1) / 2;
    const last = i === points.length - 1;
    const to = last ? y1 - 6 : y1;
    path +=
      Math.abs(x0 - x1) < 0.5
        ? `V${short(to)}`
        : `C${short(x0)} ${short(bend)} ${short(x1)} ${short(bend)} ${short(x1)} ${short(to)}`;
  }
  // Beside the longest straight way, where there is one; else beside the curve.
  const middle = free[Math.floor(free.length / 2)];
  const [x, y] = middle
    ? [middle.x, tops[middle.layer]! + heights[middle.layer]! / 2]
    : [(start[0] + end[0]) / 2, (start[1] + end[1]) / 2];
  const side = words ? label(x + 7, y, words, 'kb-small', { 'text-anchor': 'start' }) : '';
  return element('path', { class: 'kb-wire', d: path }) + arrowHead([end[0], end[1] - 10], end) + side;
}
