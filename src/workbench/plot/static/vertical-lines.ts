/** Lines across the whole height at a marked position, with a word beside them, such as the length trained on. */
import type { Layout } from '../plotly.js';
import type { Axis } from './axis.js';
import { element, text, textWidth } from './element.js';
import type { Box } from './heatmap.js';

export interface VerticalLine {
  x: number | string;
  label: string;
}

/** Those of a Plotly layout: lines whose ends have one x and which span the plotting area. */
export function verticalLines({ shapes }: Layout): VerticalLine[] {
  return (shapes ?? []).flatMap(({ type, x0, x1, yref, label }) =>
    type === 'line' && yref === 'paper' && x0 !== undefined && x0 === x1
      ? [{ x: x0, label: label?.text ?? '' }]
      : [],
  );
}

/** @param x the axis; a line outside it is not drawn */
export function drawVerticalLines(lines: readonly VerticalLine[], x: Axis, box: Box): string {
  const right = box.left + box.width;
  return lines
    .map((line, i) => {
      const at = x.place(line.x);
      if (at === undefined || at < box.left - 0.5 || at > right + 0.5) return '';
      const fits = at + 6 + textWidth(line.label, 13) <= right;
      const label = text(fits ? at + 6 : at - 6, box.top + 13 + 17 * i, line.label, {
        'text-anchor': fits ? undefined : 'end',
      });
      return element('path', { class: 'kb-mark', d: `M${at} ${box.top}V${box.top + box.height}` }) + label;
    })
    .join('');
}
