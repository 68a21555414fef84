/** Vectors on circles: a pair of coordinates turned by an angle, one circle per pair. */
import { formatNumber } from '../../display/format.js';
import { splitWords } from '../../display/words.js';
import { element, short, text } from '../plot/static/element.js';
import { seriesColours } from '../plot/theme.js';
import { arrowHead, label, legend, linesOf, type Picture, placed } from './picture.js';

export interface Vector {
  /** Vectors of one name have one colour in all circles. "English / 中文". */
  name: string;
  /** Radians, counter-clockwise from the right. */
  angle: number;
  /** Share of the radius. Default 1. */
  length?: number;
}

export interface RotationCircle {
  /** Below the circle. */
  label?: string;
  vectors: readonly Vector[];
  /** Marks the angle from the first vector to the second, with its size. */
  between?: boolean;
}

const radius = 46;
const cell = 130;
const perRow = 4;

export function rotation({ circles }: { circles: readonly RotationCircle[] }): Picture {
  const names = [...new Set(circles.flatMap(({ vectors }) => vectors.map(({ name }) => name)))];
  const colour = (name: string) => seriesColours[names.indexOf(name) % seriesColours.length]!;
  const across = Math.min(perRow, circles.length);
  const width = across * cell;
  const key = legend(
    names.map((name) => ({ label: name, colour: colour(name) })),
    width,
  );
  const below = Math.max(0, ...circles.map((circle) => (circle.label ? linesOf(circle.label) : 0)));
  const rowHeight = 2 * radius + 24 + 18 * (below + (circles.some(({ between }) => between) ? 1 : 0));
  const top = key.height + 8;
  const parts = circles.map((circle, i) => {
    const x = (i % across) * cell + cell / 2;
    const y = top + Math.floor(i / across) * rowHeight + radius + 6;
    return drawCircle(circle, x, y, colour);
  });
  const told = circles.map(({ label: name, vectors }, i) => {
    const list = vectors.map((vector) => `${english(vector.name)} at ${degrees(vector.angle)}`);
    return `${name ? english(name) : `circle ${i + 1}`}: ${list.join(', ')}`;
  });
  return {
    width,
    height: top + Math.ceil(circles.length / across) * rowHeight,
    markup: placed(key, 0, 0) + parts.join(''),
    words: told.join('; '),
  };
}

const english = (name: string): string => splitWords(name)?.en ?? name;
const degrees = (angle: number): string => `${formatNumber((angle * 180) / Math.PI)}°`;

function drawCircle(
  { label: name, vectors, between }: RotationCircle,
  x: number,
  y: number,
  colour: (name: string) => string,
): string {
  const at = (angle: number, r: number) => [x + r * Math.cos(angle), y - r * Math.sin(angle)] as const;
  const axes = `M${short(x - radius - 5)} ${short(y)}H${short(x + radius + 5)}M${short(x)} ${short(y - radius - 5)}V${short(y + radius + 5)}`;
  const parts = [
    element('path', { class: 'kb-grid', d: axes }),
    element('circle', { class: 'kb-axis', cx: x, cy: y, r: radius }),
  ];
  const [first, second] = vectors;
  const turn = between && first && second ? turnBetween(first.angle, second.angle) : undefined;
  if (turn !== undefined) parts.push(arc(first!.angle, turn, x, y));
  for (const { name: vector, angle, length = 1 } of vectors) {
    const end = at(angle, radius * length);
    const stop = at(angle, Math.max(0, radius * length - 7));
    parts.push(
      element('path', {
        d: `M${short(x)} ${short(y)}L${short(stop[0])} ${short(stop[1])}`,
        stroke: colour(vector),
        'stroke-width': 2.5,
      }),
      arrowHead([x, y], end, 9).replace('class="kb-head"', `fill="${colour(vector)}"`),
    );
  }
  let below = y + radius + 9;
  if (turn !== undefined) {
    parts.push(
      text(x, below + 13, `∠ ${degrees(Math.abs(turn))}`, { class: 'kb-shape', 'text-anchor': 'middle' }),
    );
    below += 18;
  }
  if (name) parts.push(label(x, below + 9 * linesOf(name), name, 'kb-small'));
  return parts.join('');
}

/** The angle from one direction to another, the short way. */
function turnBetween(from: number, to: number): number {
  return Math.atan2(Math.sin(to - from), Math.cos(to - from));
}

function arc(from: number, turn: number, x: number, y: number): string {
  const r = 20;
  const point = (angle: number) => `${short(x + r * Math.cos(angle))} ${short(y - r * Math.sin(angle))}`;
  const d = `M${point(from)}A${r} ${r} 0 0 ${turn > 0 ? 0 : 1} ${point(from + turn)}`;
  return element('path', { class: 'kb-wire', d });
}
