/**
 * Concept diagrams as static SVG: blocks and arrows with the shapes of real tensors, tiles, memory, timelines,
 * rotations, shards. Each function gives a `Diagram`, shown by the notebook as the last value; `row` and `stack` set
 * several together. Labels are written "English / 中文".
 */
import { Diagram, type DiagramOptions } from './diagram.js';
import { type FlowOptions, flow } from './flow.js';
import { type ShardsOptions, shards, type TilesOptions, tiles } from './grid.js';
import { hierarchy, type MemoryBarsOptions, type MemoryLevel, memoryBars } from './memory.js';
import { label, linesOf, type Picture, placed } from './picture.js';
import { type RotationCircle, rotation } from './rotation.js';
import { type TimelineOptions, timeline } from './timeline.js';

export { Diagram, type DiagramOptions } from './diagram.js';
export type { Arrow, Block, FlowOptions } from './flow.js';
export type { ShardsOptions, TilesOptions } from './grid.js';
export type { MemoryBar, MemoryBarsOptions, MemoryLevel } from './memory.js';
export type { RotationCircle, Vector } from './rotation.js';
export type { Shaped } from './shape.js';
export type { TimelineEvent, TimelineOptions } from './timeline.js';

const gap = 26;

/** Several diagrams side by side, each under its own title; on a phone all of them become smaller. */
function row(diagrams: readonly Diagram[], { title }: DiagramOptions = {}): Diagram {
  return together(diagrams, title, 'row');
}

/** Several diagrams below each other. */
function stack(diagrams: readonly Diagram[], { title }: DiagramOptions = {}): Diagram {
  return together(diagrams, title, 'stack');
}

function together(
  diagrams: readonly Diagram[],
  title: string | undefined,
  direction: 'row' | 'stack',
): Diagram {
  const pictures = diagrams.map(captioned);
  const widths = pictures.map(({ width }) => width);
  const heights = pictures.map(({ height }) => height);
  const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size + gap, -gap);
  let at = 0;
  const parts = pictures.map((picture) => {
    const part = direction === 'row' ? placed(picture, at, 0) : placed(picture, 0, at);
    at += gap + (direction === 'row' ? picture.width : picture.height);
    return part;
  });
  const picture: Picture = {
    width: direction === 'row' ? sum(widths) : Math.max(0, ...widths),
    height: direction === 'row' ? Math.max(0, ...heights) : sum(heights),
    markup: parts.join(''),
    words: pictures.map(({ words }) => words).join('. '),
  };
  return new Diagram(picture, title);
}

/** The picture below its own title, which is smaller than that of the whole. */
function captioned({ picture, title }: Diagram): Picture {
  if (title === undefined) return picture;
  const height = 18 * linesOf(title) + 10;
  const caption = label(0, height / 2 - 4, title, 'kb-node', { 'text-anchor': 'start' });
  return {
    ...picture,
    height: picture.height + height,
    markup: caption + placed(picture, 0, height),
    words: `${title}: ${picture.words}`,
  };
}

const shown =
  <O>(draw: (options: O) => Picture) =>
  (options: O & DiagramOptions): Diagram =>
    new Diagram(draw(options), options.title);

export const diagram = {
  /** Blocks and arrows, with the shapes of the tensors that are given. */
  flow: shown<FlowOptions>(flow),
  /** A matrix in tiles, by what is done with each. */
  tiles: shown<TilesOptions>(tiles),
  /** Levels of memory from small and fast to large and slow. */
  hierarchy: shown<{ levels: readonly MemoryLevel[] }>(hierarchy),
  /** Ranks × time. */
  timeline: shown<TimelineOptions>(timeline),
  /** Stacked bars of bytes. */
  memoryBars: shown<MemoryBarsOptions>(memoryBars),
  /** Vectors on circles. */
  rotation: shown<{ circles: readonly RotationCircle[] }>(rotation),
  /** Who owns which shard. */
  shards: shown<ShardsOptions>(shards),
  row,
  stack,
};
