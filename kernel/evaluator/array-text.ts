/**
 * Arrays of any rank as text, in the manner of NumPy: nested brackets, columns aligned, the middle of long axes left
 * out, long rows continued on the next line.
 */

/** Tells how to write single elements, given the positions of all that will be written. */
export type ElementText = (positions: readonly number[]) => (position: number) => string;

/** Above this only the ends of each axis are shown. */
const mostElements = 1000;
const lineWidth = 96;

/** The indices to show of an axis; `undefined` stands for those left out. */
export function ends(length: number, edge: number): (number | undefined)[] {
  if (length <= 2 * edge) return Array.from({ length }, (_, index) => index);
  const first = Array.from({ length: edge }, (_, index) => index);
  return [...first, undefined, ...first.map((index) => length - edge + index)];
}

export function arrayText(shape: readonly number[], element: ElementText): string {
  const size = shape.reduce((product, length) => product * length, 1);
  if (shape.length === 0) return element([0])(0);
  if (size === 0) return '[]';
  const edge = size <= mostElements ? Number.POSITIVE_INFINITY : shape.length <= 3 ? 3 : 1;
  const axes = shape.map((length) => ends(length, edge));
  const write = element(positions(shape, axes));
  const texts = new Map<number, string>();
  for (const position of positions(shape, axes)) texts.set(position, write(position));
  const width = [...texts.values()].reduce((widest, text) => Math.max(widest, text.length), 0);

  const render = (axis: number, offset: number, indent: string): string => {
    const parts = axes[axis]!.map((index) => {
      if (index === undefined) return '…';
      const position = offset * shape[axis]! + index;
      return axis === shape.length - 1
        ? texts.get(position)!.padStart(width)
        : render(axis + 1, position, `${indent} `);
    });
    return axis === shape.length - 1
      ? `[${wrapped(parts, width, indent)}]`
      : `[${parts.join(`,${'\n'.repeat(shape.length - 1 - axis)}${indent} `)}]`;
  };
  return render(0, 0, '');
}

function wrapped(parts: readonly string[], width: number, indent: string): string {
  const perLine = Math.max(1, Math.floor((lineWidth - indent.length) / (width + 2)));
  const lines: string[] = [];
  for (let start = 0; start < parts.length; start += perLine)
    lines.push(parts.slice(start, start + perLine).join(', '));
  return lines.join(`,\n${indent} `);
}

function positions(shape: readonly number[], axes: readonly (number | undefined)[][]): number[] {
  return axes.reduce<number[]>(
    (outer, indices, axis) =>
      outer.flatMap((offset) =>
        indices.flatMap((index) => (index === undefined ? [] : [offset * shape[axis]! + index])),
      ),
    [0],
  );
}
