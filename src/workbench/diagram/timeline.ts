/** Ranks × time: what each rank does when, from measured events or from a schedule. */
import { formatNumber } from '../../display/format.js';
import { splitWords } from '../../display/words.js';
import { linearAxis } from '../plot/static/axis.js';
import { element, text, textWidth } from '../plot/static/element.js';
import { seriesColours } from '../plot/theme.js';
import { box, comfortableWidth, fontSizes, label, legend, type Picture, placed, widthOf } from './picture.js';

export interface TimelineEvent {
  /** Row, from 0. */
  rank: number;
  start: number;
  end: number;
  /** Events of one kind have one colour and one entry in the legend, "English / 中文". */
  kind: string;
  /** Inside the bar, where there is room, e.g. the micro-batch. */
  label?: string;
}

export interface TimelineOptions {
  events: readonly TimelineEvent[];
  /** Names of the rows. Default: rank 0, rank 1, … */
  ranks?: readonly string[];
  /** Below the axis, with the unit. */
  xLabel?: string;
}

const rowHeight = 30;

/** @throws RangeError for an event that ends before it starts, or on a rank without a row */
export function timeline({ events, ranks, xLabel = 'time / 时间' }: TimelineOptions): Picture {
  const count = ranks?.length ?? 1 + Math.max(-1, ...events.map(({ rank }) => rank));
  const names = ranks ?? Array.from({ length: count }, (_, rank) => `rank ${rank}`);
  for (const { rank, start, end, kind } of events) {
    if (!(start <= end))
      throw new RangeError(`diagram.timeline: ${kind} on rank ${rank} starts at ${start} and ends at ${end}`);
    if (!Number.isInteger(rank) || rank < 0 || rank >= count)
      throw new RangeError(`diagram.timeline: an event is on rank ${rank}, but there are ${count} rows`);
  }
  const kinds = [...new Set(events.map(({ kind }) => kind))];
  const colour = (kind: string) => seriesColours[kinds.indexOf(kind) % seriesColours.length]!;
  const left = Math.max(...names.map((name) => widthOf(name, 'kb-small'))) + 10;
  const first = Math.min(0, ...events.map(({ start }) => start));
  const last = Math.max(first + 1e-12, ...events.map(({ end }) => end));
  const axis = linearAxis([first, last], [left, comfortableWidth - 6], 6);
  const key = legend(
    kinds.map((kind) => ({ label: kind, colour: colour(kind) })),
    comfortableWidth,
  );
  const top = key.height + (key.height > 0 ? 8 : 0);
  const bottom = top + rowHeight * count;
  const bars = events.map(({ rank, start, end, kind, label: words }) => {
    const [x0, x1] = [axis.place(start)!, axis.place(end)!];
    const y = top + rank * rowHeight + 3;
    const fits = words !== undefined && textWidth(words, fontSizes['kb-small']) + 3 <= x1 - x0;
    const shape = box(x0 + 0.5, y, Math.max(1, x1 - x0 - 1), rowHeight - 6, colour(kind), {
      rx: 3,
      'fill-opacity': 0.3,
    });
    return (
      shape +
      (fits
        ? label((x0 + x1) / 2, y + (rowHeight - 6) / 2, words, 'kb-small', { style: 'fill:var(--i)' })
        : '')
    );
  });
  const ticks = axis.ticks.map(
    ({ at, label: words }) =>
      element('path', { class: 'kb-grid', d: `M${at} ${top}V${bottom}` }) +
      text(at, bottom + 17, words, { class: 'kb-tick', 'text-anchor': 'middle' }),
  );
  const rows = names.map((name, rank) =>
    label(left - 8, top + (rank + 0.5) * rowHeight, name, 'kb-small', { 'text-anchor': 'end' }),
  );
  const busy = names.map((name, rank) => {
    const own = events.filter((event) => event.rank === rank);
    const share = own.reduce((sum, { start, end }) => sum + end - start, 0) / (last - first);
    return `${splitWords(name)?.en ?? name}: ${own.length} events, busy ${formatNumber(100 * share)} %`;
  });
  return {
    width: comfortableWidth,
    height: bottom + 40,
    markup: [
      placed(key, 0, 0),
      ...ticks,
      ...bars,
      ...rows,
      element('path', { class: 'kb-axis', d: `M${left} ${bottom}H${comfortableWidth - 6}` }),
      text((left + comfortableWidth) / 2, bottom + 36, xLabel, {
        class: 'kb-small',
        'text-anchor': 'middle',
      }),
    ].join(''),
    words: `from ${formatNumber(first)} to ${formatNumber(last)}; ${busy.join('; ')}`,
  };
}
