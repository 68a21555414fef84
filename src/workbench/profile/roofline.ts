/**
 * The roofline of a device (Williams, Waterman, Patterson 2009, doi:10.1145/1498765.1498785): the rate that its measured
 * copy and matmul allow at each arithmetic intensity, and where measured computations lie below it.
 */
import { Figure } from '../plot/figure.js';
import { toLayout } from '../plot/plot.js';
import type { Trace } from '../plot/plotly.js';
import { dark, seriesColours } from '../plot/theme.js';
import { caveat } from './caveat.js';
import type { Profiled } from './facts.js';

/**
 * One figure for the reports of one device.
 * @throws RangeError when there is no report, one has no bytes or flops, or they come from different devices.
 */
export function roofline(reports: readonly Profiled[]): Figure {
  const [first] = reports;
  if (!first) throw new RangeError('roofline: no report was given');
  const { backend } = first.facts;
  const points = reports.flatMap((report) => {
    const { name, measurements } = report.facts;
    if (report.facts.backend.name !== backend.name || report.facts.backend.device !== backend.device) {
      throw new RangeError(
        `roofline: the reports come from different devices, ${backend.device} and ${report.facts.backend.device}`,
      );
    }
    return measurements.map((one) => {
      const { intensity, flopsPerSecond } = report.rates(one);
      if (!intensity || flopsPerSecond === undefined) {
        throw new RangeError(`roofline: profile(${name}) needs both bytes and flops, and flops above zero`);
      }
      return {
        name: reports.length > 1 && one.name !== name ? `${name}, ${one.name}` : one.name,
        x: intensity,
        y: flopsPerSecond,
      };
    });
  });
  const { copyBytesPerSecond, matmulFlopsPerSecond } = first.facts.ceilings!;
  const ridge = matmulFlopsPerSecond / copyBytesPerSecond;
  const low = Math.min(ridge, ...points.map(({ x }) => x)) / 4;
  const high = Math.max(ridge, ...points.map(({ x }) => x)) * 4;
  const warning = caveat(backend);
  const roof: Trace = {
    type: 'scatter',
    mode: 'lines',
    name: 'measured ceilings',
    x: [low, ridge, high],
    y: [low * copyBytesPerSecond, matmulFlopsPerSecond, matmulFlopsPerSecond],
    line: { color: dark.muted, width: 2 },
  };
  const marks = points.map(
    ({ name, x, y }, i): Trace => ({
      type: 'scatter',
      mode: 'markers',
      name,
      x: [x],
      y: [y],
      marker: { color: seriesColours[i % seriesColours.length]!, size: 11 },
    }),
  );
  const traces = [roof, ...marks];
  const layout = toLayout(
    {
      title: reports.length > 1 ? 'Roofline' : `Roofline: ${first.facts.name}`,
      subtitle: `${backend.name} on ${backend.device}${warning ? `; ${warning}` : ''}`,
      xLabel: 'arithmetic intensity, FLOP per byte',
      yLabel: 'FLOP/s',
      xLog: true,
      yLog: true,
    },
    traces,
  );
  return new Figure(traces, layout);
}
