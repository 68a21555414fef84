/** Grids: a matrix in tiles, and who owns which shard. */
import { splitWords } from '../../display/words.js';
import { element, short, text } from '../plot/static/element.js';
import { seriesColours } from '../plot/theme.js';
import { arrowHead, box, comfortableWidth, label, legend, type Picture, placed, widthOf } from './picture.js';

export interface TilesOptions {
  /** Elements of the matrix. */
  rows: number;
  columns: number;
  /** Elements of a tile; the last ones may be smaller. */
  tile: readonly [rows: number, columns: number];
  /** What happens to the tile (row, column): one colour each; undefined for a tile that is left out. */
  kind?: (row: number, column: number) => string | undefined;
  /** What the two axes are, e.g. `queries T / 查询`. */
  rowLabel?: string;
  columnLabel?: string;
  /** Draws the order in which the tiles are visited: along the rows or along the columns. */
  order?: 'rows' | 'columns';
}

/** A matrix cut into tiles, its elements faint, each tile in the colour of what is done with it. */
export function tiles(options: TilesOptions): Picture {
  const { rows, columns, tile, kind = () => 'tile', rowLabel, columnLabel, order } = options;
  const [tileRows, tileColumns] = tile;
  if (![rows, columns, tileRows, tileColumns].every((value) => Number.isInteger(value) && value > 0))
    throw new RangeError(
      `diagram.tiles: rows, columns and tile must be whole numbers > 0, got ${rows}, ${columns}, [${tile}]`,
    );
  const left = rowLabel ? widthOf(rowLabel, 'kb-small') + 12 : 0;
  const cell = Math.min(28, (comfortableWidth - left) / columns, 340 / rows);
  const [across, down] = [Math.ceil(columns / tileColumns), Math.ceil(rows / tileRows)];
  const found = new Map<string, number>();
  for (let i = 0; i < down; i++)
    for (let j = 0; j < across; j++) {
      const one = kind(i, j);
      if (one !== undefined) found.set(one, (found.get(one) ?? 0) + 1);
    }
  const kinds = [...found.keys()];
  const colour = (one: string) => seriesColours[kinds.indexOf(one) % seriesColours.length]!;
  const key =
    kinds.length > 1
      ? legend(
          kinds.map((one) => ({ label: one, colour: colour(one) })),
          comfortableWidth,
        )
      : undefined;
  const top = (key ? key.height + 10 : 0) + (columnLabel ? 24 : 0);
  const [width, height] = [columns * cell, rows * cell];
  const parts: string[] = key ? [placed(key, 0, 0)] : [];
  if (columnLabel)
    parts.push(text(left + width / 2, top - 9, columnLabel, { class: 'kb-small', 'text-anchor': 'middle' }));
  if (rowLabel)
    parts.push(label(left - 10, top + height / 2, rowLabel, 'kb-small', { 'text-anchor': 'end' }));
  if (cell >= 6) parts.push(element('path', { class: 'kb-grid', d: ruling(left, top, rows, columns, cell) }));
  const centres: [number, number][] = [];
  for (let i = 0; i < down; i++)
    for (let j = 0; j < across; j++) {
      const x = left + j * tileColumns * cell;
      const y = top + i * tileRows * cell;
      const w = Math.min(tileColumns, columns - j * tileColumns) * cell;
      const h = Math.min(tileRows, rows - i * tileRows) * cell;
      const one = kind(i, j);
      const missing = { 'fill-opacity': 0, stroke: 'var(--g)', 'stroke-dasharray': '3 3' };
      parts.push(
        box(
          x + 1.5,
          y + 1.5,
          w - 3,
          h - 3,
          one === undefined ? 'none' : colour(one),
          one === undefined ? missing : { 'fill-opacity': 0.3, rx: 3 },
        ),
      );
      if (one !== undefined) centres.push([x + w / 2, y + h / 2]);
    }
  if (order && centres.length > 1) {
    const sorted = order === 'rows' ? centres : [...centres].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const points = sorted.map(([x, y]) => `${short(x)} ${short(y)}`);
    parts.push(element('path', { class: 'kb-wire', d: `M${points.join('L')}`, 'stroke-linejoin': 'round' }));
    parts.push(arrowHead(sorted.at(-2)!, sorted.at(-1)!));
  }
  const counts = [...found].map(([one, count]) => `${count} × ${splitWords(one)?.en ?? one}`);
  return {
    width: Math.max(
      left + width,
      key?.width ?? 0,
      left + (columnLabel ? widthOf(columnLabel, 'kb-small') : 0),
    ),
    height: top + height,
    markup: parts.join(''),
    words: `${rows} × ${columns} elements in ${down} × ${across} tiles of ${tileRows} × ${tileColumns}: ${counts.join(', ')}`,
  };
}

function ruling(left: number, top: number, rows: number, columns: number, cell: number): string {
  const lines = [
    ...Array.from(
      { length: rows + 1 },
      (_, i) => `M${short(left)} ${short(top + i * cell)}h${short(columns * cell)}`,
    ),
    ...Array.from(
      { length: columns + 1 },
      (_, j) => `M${short(left + j * cell)} ${short(top)}v${short(rows * cell)}`,
    ),
  ];
  return lines.join('');
}

export interface ShardsOptions {
  /**
   * Names of the rows, e.g. the tensors or the ranks; and of the columns. "English / 中文". One without a name is a gap between groups.
   */
  rows: readonly string[];
  columns: readonly string[];
  /** Who owns the shard in this row and column, or several who each hold a copy; undefined: nobody holds it. */
  owner: (row: number, column: number) => string | readonly string[] | undefined;
}

/** A grid of shards in the colours of their owners; a copy is a stripe. */
export function shards({ rows, columns, owner }: ShardsOptions): Picture {
  const held = rows.map((_, i) => columns.map((_, j) => [owner(i, j) ?? []].flat()));
  const owners = [...new Set(held.flat(2))];
  const colour = (one: string) => seriesColours[owners.indexOf(one) % seriesColours.length]!;
  const left = Math.max(...rows.map((name) => widthOf(name, 'kb-small'))) + 10;
  const gap = 14;
  const gaps = columns.filter((name) => name === '').length;
  const cell = Math.min(120, (comfortableWidth - left - gaps * gap) / Math.max(1, columns.length - gaps));
  const xs = ends(columns.map((name) => (name === '' ? gap : cell)));
  const key = legend(
    owners.map((one) => ({ label: one, colour: colour(one) })),
    comfortableWidth,
  );
  const top = key.height + 10 + 18 * Math.max(1, ...columns.map((name) => (splitWords(name) ? 2 : 1)));
  const rowHeight = 34;
  const ys = ends(rows.map((name) => (name === '' ? gap : rowHeight)));
  const parts = [placed(key, 0, 0)];
  columns.forEach((name, j) => {
    if (name !== '')
      parts.push(label(left + xs[j]! + cell / 2, (key.height + 4 + top) / 2, name, 'kb-small'));
  });
  rows.forEach((name, i) => {
    if (name === '') return;
    const y = top + ys[i]!;
    parts.push(label(left - 8, y + rowHeight / 2 - 2, name, 'kb-small', { 'text-anchor': 'end' }));
    columns.forEach((column, j) => {
      if (column === '') return;
      const x = left + xs[j]!;
      const list = held[i]![j]!;
      if (list.length === 0) {
        parts.push(
          box(x + 2, y, cell - 4, rowHeight - 5, 'none', {
            rx: 3,
            stroke: 'var(--g)',
            'stroke-dasharray': '3 3',
          }),
        );
      }
      const stripe = (cell - 4) / Math.max(1, list.length);
      list.forEach((one, n) => {
        parts.push(
          box(x + 2 + n * stripe, y, stripe, rowHeight - 5, colour(one), { rx: 3, 'fill-opacity': 0.35 }),
        );
      });
    });
  });
  const told = rows.flatMap((name, i) => {
    const list = held[i]!.flatMap((shard, j) => {
      if (columns[j] === '') return [];
      return shard.length === 0 ? 'nobody' : shard.map(english).join(' and ');
    });
    return name === '' ? [] : `${english(name)}: ${list.join(', ')}`;
  });
  return {
    width: Math.max(key.width, left + xs.at(-1)!),
    height: top + ys.at(-1)! - 5,
    markup: parts.join(''),
    words: told.join('; '),
  };
}

/** Where each begins, and the last one ends. */
function ends(sizes: readonly number[]): number[] {
  const places = [0];
  for (const size of sizes) places.push(places.at(-1)! + size);
  return places;
}

const english = (name: string): string => splitWords(name)?.en ?? name;
