/** The legend of a static figure: one row of swatches and names, wrapped where the figure ends. */
import type { Layout, Trace } from '../plotly.js';
import { element, text, textWidth, withoutTags } from './element.js';
import { dashOf, hasLine, traceColour } from './marks.js';

interface Entry {
  name: string;
  colour: string;
  line: boolean;
  dash: string | undefined;
}

/** The named traces, or none where the layout hides the legend or a single name would say nothing. */
export function legendEntries(data: readonly Trace[], layout: Layout): Entry[] {
  const named = data.flatMap((trace, i): Entry[] =>
    trace.name === undefined || trace.showlegend === false || trace.type === 'heatmap'
      ? []
      : [
          {
            name: withoutTags(trace.name),
            colour: traceColour(trace, i),
            line: hasLine(trace),
            dash: dashOf(trace),
          },
        ],
  );
  return layout.showlegend === false || (named.length < 2 && layout.showlegend !== true) ? [] : named;
}

/** @returns the markup, and the pixel below the last row */
export function drawLegend(
  entries: readonly Entry[],
  top: number,
  width: number,
): { markup: string; bottom: number } {
  let x = 16;
  let y = top;
  const parts = entries.map(({ name, colour, line, dash }) => {
    const needed = 28 + textWidth(name, 13) + 18;
    if (x > 16 && x + needed > width) {
      x = 16;
      y += 20;
    }
    const swatch = line
      ? element('path', {
          d: `M${x} ${y + 8}h20`,
          stroke: colour,
          'stroke-width': 3,
          'stroke-dasharray': dash,
        })
      : element('rect', { x: x + 5, y: y + 3, width: 10, height: 10, rx: 2, fill: colour });
    const label = text(x + 26, y + 12, name, { class: 'kb-tick' });
    x += needed;
    return swatch + label;
  });
  return { markup: parts.join(''), bottom: entries.length > 0 ? y + 18 : top };
}
