/** Memory: stacked bars of what fills it, and the levels of it from small and fast to large and slow. */
import { formatQuantity } from '../../display/format.js';
import { splitWords } from '../../display/words.js';
import { element, short, text } from '../plot/static/element.js';
import { seriesColours } from '../plot/theme.js';
import {
  box,
  comfortableWidth,
  label,
  legend,
  lineHeight,
  linesOf,
  type Picture,
  placed,
  widthOf,
} from './picture.js';

export interface MemoryBar {
  label: string;
  /** Bytes by what they are for; the same name has the same colour in all bars. "English / 中文". */
  parts: Readonly<Record<string, number>>;
}

export interface MemoryBarsOptions {
  bars: readonly MemoryBar[];
  /** What there is: a line across the bars. */
  limit?: { bytes: number; label: string };
}

const barHeight = 26;
const rowHeight = 38;

/** @throws RangeError for a part that is no number of bytes >= 0 */
export function memoryBars({ bars, limit }: MemoryBarsOptions): Picture {
  const names = [...new Set(bars.flatMap(({ parts }) => Object.keys(parts)))];
  for (const { label: name, parts } of bars) {
    for (const [part, bytes] of Object.entries(parts)) {
      if (!(bytes >= 0 && Number.isFinite(bytes)))
        throw new RangeError(
          `diagram.memoryBars: ${part} of ${name} must be a number of bytes >= 0, got ${bytes}`,
        );
    }
  }
  const colour = (name: string) => seriesColours[names.indexOf(name) % seriesColours.length]!;
  const totals = bars.map(({ parts }) => Object.values(parts).reduce((sum, bytes) => sum + bytes, 0));
  const left = Math.max(...bars.map(({ label: name }) => widthOf(name, 'kb-small'))) + 10;
  const right = Math.max(...totals.map((total) => widthOf(formatQuantity(total, 'B'), 'kb-small'))) + 10;
  const most = Math.max(...totals, limit?.bytes ?? 0) || 1;
  const scale = (comfortableWidth - left - right) / most;
  const key = legend(
    names.map((name) => ({ label: name, colour: colour(name) })),
    comfortableWidth,
  );
  const top = key.height + (limit ? 26 : 8);
  const rows = bars.map(({ label: name, parts }, i) => {
    const y = top + i * rowHeight;
    let x = left;
    const segments = Object.entries(parts).map(([part, bytes]) => {
      const width = bytes * scale;
      const segment =
        width < 0.5
          ? ''
          : box(x, y, width, barHeight, colour(part), { rx: 2, 'fill-opacity': 0.45, 'stroke-width': 1 });
      x += width;
      return segment;
    });
    const middle = y + barHeight / 2;
    return [
      label(left - 8, middle, name, 'kb-small', { 'text-anchor': 'end' }),
      ...segments,
      label(x + 7, middle, formatQuantity(totals[i]!, 'B'), 'kb-small', {
        'text-anchor': 'start',
        style: 'fill:var(--i)',
      }),
    ].join('');
  });
  const bottom = top + bars.length * rowHeight;
  const line = limit ? limitLine(left + limit.bytes * scale, top, bottom - 6, limit) : '';
  const told = bars.map(({ label: name, parts }, i) => {
    const list = Object.entries(parts).map(
      ([part, bytes]) => `${english(part)} ${formatQuantity(bytes, 'B')}`,
    );
    return `${english(name)}: ${list.join(', ')}, together ${formatQuantity(totals[i]!, 'B')}`;
  });
  return {
    width: comfortableWidth,
    height: bottom - 6,
    markup: placed(key, 0, 0) + rows.join('') + line,
    words: [...told, ...(limit ? [`${english(limit.label)} ${formatQuantity(limit.bytes, 'B')}`] : [])].join(
      '; ',
    ),
  };
}

const english = (name: string): string => splitWords(name)?.en ?? name;

function limitLine(
  x: number,
  top: number,
  bottom: number,
  { label: name, bytes }: { label: string; bytes: number },
): string {
  const half = comfortableWidth / 2;
  const anchor = x > half ? 'end' : 'start';
  const place = x > half ? Math.min(comfortableWidth, x + 40) : x;
  const words = splitWords(name);
  const size = formatQuantity(bytes, 'B');
  const said = words ? `${words.en}: ${size} / ${words.zh}：${size}` : `${name}: ${size}`;
  return (
    element('path', { class: 'kb-mark', d: `M${short(x)} ${top - 6}V${bottom}` }) +
    text(place, top - 11, said, { class: 'kb-small', 'text-anchor': anchor })
  );
}

export interface MemoryLevel {
  label: string;
  bytes: number;
  bytesPerSecond?: number;
  /** What lies here, or what is moved: a second line. */
  note?: string;
}

/** The levels of a memory, the smallest first: each wider than the one above, with its size and its rate. */
export function hierarchy({ levels }: { levels: readonly MemoryLevel[] }): Picture {
  const [narrow, wide] = [190, 330];
  const rows = levels.map(
    ({ label: name, note }) => 24 + lineHeight * (linesOf(name) + (note ? linesOf(note) : 0)),
  );
  const step = (wide - narrow) / Math.max(1, levels.length);
  let y = 0;
  const parts = levels.map(({ label: name, bytes, bytesPerSecond, note }, i) => {
    const height = rows[i]!;
    const [upper, lower] = [narrow + i * step, narrow + (i + 1) * step];
    const middle = wide / 2;
    const colour = seriesColours[i % seriesColours.length]!;
    const outline = `M${short(middle - upper / 2)} ${y}H${short(middle + upper / 2)}L${short(middle + lower / 2)} ${y + height - 5}H${short(middle - lower / 2)}Z`;
    const size = formatQuantity(bytes, 'B');
    const rate = bytesPerSecond === undefined ? '' : formatQuantity(bytesPerSecond, 'B/s');
    const at = y + (height - 5) / 2;
    const markup = [
      element('path', {
        d: outline,
        fill: colour,
        'fill-opacity': 0.16,
        stroke: colour,
        'stroke-width': 1.5,
        'stroke-linejoin': 'round',
      }),
      label(middle, at - (lineHeight / 2) * (note ? linesOf(note) : 0), name, 'kb-node'),
      note ? label(middle, at + (lineHeight / 2) * linesOf(name), note, 'kb-small') : '',
      text(wide + 22, rate ? at - 4 : at + 5, size, { class: 'kb-node' }),
      rate ? text(wide + 22, at + 14, rate, { class: 'kb-small' }) : '',
    ].join('');
    y += height;
    return { markup, words: `${english(name)}: ${[size, rate].filter(Boolean).join(', ')}` };
  });
  return {
    width: wide + 130,
    height: y,
    markup: parts.map(({ markup }) => markup).join(''),
    words: parts.map(({ words }) => words).join('; '),
  };
}
