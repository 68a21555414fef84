/**
 * What `profile` found, in words, as a table and as data. Every report names the backend, the device and its driver,
 * says how time was taken, and says so when the device is no GPU.
 */
import type { Displayable, MimeBundle } from '../../display/display.js';
import { formatNumber, formatPercent, formatQuantity, formatSeconds } from '../../display/format.js';
import { type Cell, htmlTable, type Table, textTable, wordsHtml } from '../../display/html.js';
import type { Figure } from '../plot/index.js';
import { caveat } from './caveat.js';
import type { Profiled, ProfileFacts, Rates } from './facts.js';
import type { EqualWay, Measurement, Spread } from './measure.js';
import { recordedTable } from './recorded.js';
import { roofline } from './roofline.js';

export const profileMimeType = 'application/vnd.kernelbook.profile+json';

/** Why there is one row where several were asked for. */
function sameWork(equal: readonly EqualWay[], { name, path }: Measurement, backend: string): string {
  const names = equal.map((way) => way.name).join(', ');
  const verb = equal.length === 1 ? 'is' : 'are';
  const kernels = path === 'composed' ? `no fused kernel runs on ${backend}` : `both run ${path}`;
  return `not timed: ${names} ${verb} here the same work as ${name} (${kernels}) / 未计时：${names} 在这里与 ${name} 是同一份计算（${path === 'composed' ? `${backend} 上没有融合算子` : path}）`;
}

export class ProfileReport implements Displayable, Profiled {
  constructor(readonly facts: ProfileFacts) {}

  /** The time used for the rates. */
  timeOf(measurement: Measurement): Spread {
    return measurement.device ?? measurement.wall;
  }

  rates(measurement: Measurement): Rates {
    const { bytes, flops, ceilings } = this.facts;
    const seconds = this.timeOf(measurement).median;
    const rates: Rates = {
      seconds,
      ...(bytes !== undefined && { bytesPerSecond: bytes / seconds }),
      ...(flops !== undefined && { flopsPerSecond: flops / seconds }),
      ...(bytes && flops !== undefined && { intensity: flops / bytes }),
    };
    if (!ceilings) return rates;
    const copySeconds = (bytes ?? 0) / ceilings.copyBytesPerSecond;
    const matmulSeconds = (flops ?? 0) / ceilings.matmulFlopsPerSecond;
    const share = Math.max(copySeconds, matmulSeconds) / seconds;
    return { ...rates, share, limit: copySeconds >= matmulSeconds ? 'copy' : 'matmul' };
  }

  /** The roofline of this device with the measured points. Needs both `bytes` and `flops`. */
  roofline(): Figure {
    return roofline([this]);
  }

  toMimeBundle(): MimeBundle {
    const table = this.table();
    const notes = this.notes();
    const { recorded = [] } = this.facts;
    const elsewhere = recorded.length > 0 ? recordedTable(recorded) : undefined;
    const lines = notes
      .map((note) => `<div style="padding:0 0.7em;opacity:0.8;">${wordsHtml(note)}</div>`)
      .join('');
    return {
      'text/plain': [textTable(table), ...notes, ...(elsewhere ? [textTable(elsewhere)] : [])].join('\n'),
      'text/html': `<div class="kernelbook-profile" style="overflow-x:auto;">${htmlTable(table)}${lines}${elsewhere ? htmlTable(elsewhere) : ''}</div>`,
      [profileMimeType]: this.toJSON(),
    };
  }

  toJSON(): Record<string, unknown> {
    const { backend, measurements, ...rest } = this.facts;
    const { name, device, driver, hardware, features } = backend;
    return {
      ...rest,
      backend: { name, device, driver, hardware, features },
      ...(caveat(backend) && { caveat: caveat(backend) }),
      measurements: measurements.map((one) => ({ ...one, rates: this.rates(one) })),
    };
  }

  private table(): Table {
    const { name, measurements, bytes, flops, ceilings } = this.facts;
    const first = this.timeOf(measurements[0]!).median;
    const timed = measurements.some(({ device }) => device);
    const compared = measurements.length > 1;
    // Where nothing is fused on this device, "composed" in every row says nothing.
    const paths = measurements.some(({ path }) => path !== 'composed');
    return {
      caption: `profile: ${name}`,
      head: [
        'what / 内容',
        ...(paths ? ['path / 路径'] : []),
        timed ? 'device time / 设备时间' : 'wall time / 墙钟时间',
        'spread / 离散',
        ...(timed ? ['wall time / 墙钟时间'] : []),
        ...(compared ? ['relative / 相对'] : []),
        ...(bytes === undefined ? [] : ['bytes/s']),
        ...(flops === undefined ? [] : ['FLOP/s']),
        ...(ceilings ? ['of the ceiling / 占上限'] : []),
      ],
      rows: measurements.map((one): Cell[] => {
        const time = this.timeOf(one);
        const { bytesPerSecond, flopsPerSecond, share, limit } = this.rates(one);
        const kernels = one.kernels.map(
          ({ name: kernel, launches, seconds }) => `${launches} × ${kernel} ${formatSeconds(seconds)}`,
        );
        return [
          { text: one.name, strong: true },
          ...(paths ? [{ text: one.path, ...(kernels.length > 0 && { title: kernels.join('\n') }) }] : []),
          { text: formatSeconds(time.median), strong: true },
          {
            text: `± ${formatPercent((time.high - time.low) / 2 / time.median)}`,
            title: `half the distance of the quartiles ${formatSeconds(time.low)} and ${formatSeconds(time.high)}`,
          },
          ...(timed ? [formatSeconds(one.wall.median)] : []),
          ...(compared ? [`${formatNumber(time.median / first)} ×`] : []),
          ...(bytesPerSecond === undefined ? [] : [formatQuantity(bytesPerSecond, 'B/s')]),
          ...(flopsPerSecond === undefined ? [] : [formatQuantity(flopsPerSecond, 'FLOP/s')]),
          ...(share === undefined ? [] : [`${formatPercent(share)} (${limit})`]),
        ];
      }),
    };
  }

  private notes(): string[] {
    const { backend, bytes, flops, ceilings, measurements, equal = [] } = this.facts;
    const warning = caveat(backend);
    const work = [
      bytes === undefined ? '' : formatQuantity(bytes, 'B'),
      flops === undefined ? '' : formatQuantity(flops, 'FLOP'),
      bytes && flops !== undefined ? `${formatNumber(flops / bytes)} FLOP/B` : '',
    ].filter((part) => part !== '');
    const method = measurements[0]!.device
      ? 'device time: sum of GPU timestamps over the dispatches'
      : 'wall time until the engine is idle';
    const { samples } = this.timeOf(measurements[0]!);
    return [
      `${backend.name} on ${backend.device}${backend.driver ? `, ${backend.driver}` : ''}${warning ? `; ${warning}` : ''}`,
      `${method}; median of ${samples} interleaved samples`,
      ...(equal.length > 0 ? [sameWork(equal, measurements[0]!, backend.name)] : []),
      ...(work.length > 0 ? [`necessary work per run: ${work.join(', ')}`] : []),
      ...(ceilings
        ? [
            `measured ceilings: copy ${formatQuantity(ceilings.copyBytesPerSecond, 'B/s')}, float32 matmul (n = ${ceilings.matmulSize}) ${formatQuantity(ceilings.matmulFlopsPerSecond, 'FLOP/s')}`,
          ]
        : []),
    ];
  }
}
