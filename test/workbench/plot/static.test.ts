/** The static figure: well-formed SVG whose marks lie where the data says, on linear, log and category axes. */
import { inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { plot } from '../../../src/workbench/plot/index.js';
import { logTicks } from '../../../src/workbench/plot/log-ticks.js';
import { categoryAxis, linearAxis, logAxis, niceDomain } from '../../../src/workbench/plot/static/axis.js';
import { encodePng } from '../../../src/workbench/plot/static/png.js';
import {
  colourAt,
  dark,
  diverging,
  light,
  sequential,
  seriesColours,
} from '../../../src/workbench/plot/theme.js';

/** Throws unless every tag is closed by its own name and no stray markup is left. */
function assertWellFormed(svg: string): void {
  const open: string[] = [];
  const rest = svg.replace(
    /<(\/?)([\w-]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g,
    (_, close, name, _attributes, self) => {
      if (close) expect(open.pop()).toBe(name);
      else if (!self) open.push(name);
      return '';
    },
  );
  expect(open).toEqual([]);
  expect(rest).not.toMatch(/[<>]|&(?!(amp|lt|gt|quot|#39);)/);
}

const circles = (svg: string) =>
  [...svg.matchAll(/<circle cx="([\d.-]+)" cy="([\d.-]+)"/g)].map(([, x, y]) => [Number(x), Number(y)]);

describe('axes', () => {
  test('linear places by proportion and ticks on round numbers', () => {
    const axis = linearAxis([0, 10], [100, 600], 5);
    expect(axis.place(2.5)).toBe(225);
    expect(axis.ticks.map(({ label }) => label)).toEqual(['0', '2', '4', '6', '8', '10']);
    expect(axis.place(null)).toBeUndefined();
    expect(axis.place(Number.NaN)).toBeUndefined();
  });

  test.each([
    [0, 1, 5, { low: 0, high: 1, step: 0.2 }],
    [0.13, 0.47, 6, { low: 0.1, high: 0.5, step: 0.1 }],
    [-3, 97, 6, { low: -20, high: 100, step: 20 }],
  ])('niceDomain(%d, %d)', (low, high, count, expected) => {
    const nice = niceDomain(low, high, count);
    for (const key of ['low', 'high', 'step'] as const) expect(nice[key]).toBeCloseTo(expected[key], 12);
  });

  test('negative and fractional ticks read well', () => {
    const labels = (low: number, high: number) =>
      linearAxis([low, high], [0, 1], 4).ticks.map(({ label }) => label);
    expect(labels(-0.5, 0.5)).toEqual(['−0.5', '0.0', '0.5']);
    expect(labels(0, 4e9).at(-1)).toBe('4e+9');
  });

  test('log places decades evenly and has no place for zero', () => {
    const axis = logAxis([1e-6, 1e6], [0, 120]);
    expect(axis.place(1)).toBeCloseTo(60, 9);
    expect(axis.place(1e6)).toBeCloseTo(120, 9);
    expect(axis.place(0)).toBeUndefined();
    expect(axis.place(-1)).toBeUndefined();
  });

  test('categories stand in the middle of equal bands; many are thinned', () => {
    const axis = categoryAxis(['a', 'b'], [0, 100], 10);
    expect([axis.place('a'), axis.place('b'), axis.place('c')]).toEqual([25, 75, undefined]);
    const many = categoryAxis(
      Array.from({ length: 64 }, (_, i) => String(i)),
      [0, 100],
      14,
    );
    expect(many.ticks.map(({ label }) => label)).toEqual([
      '0',
      '5',
      '10',
      '15',
      '20',
      '25',
      '30',
      '35',
      '40',
      '45',
      '50',
      '55',
      '60',
    ]);
  });
});

describe('ticks of a log axis', () => {
  test.each([
    ['powers of two as such', 60, 2100, [64, 128, 256, 512, 1024, 2048], '64 128 256 512 1024 2048'],
    [
      'many of them thinned',
      1,
      70_000,
      Array.from({ length: 17 }, (_, i) => 2 ** i),
      '1 8 64 512 4096 32768',
    ],
    ['large ones as powers', 2 ** 16, 2 ** 20, [2 ** 16, 2 ** 18, 2 ** 20], '2¹⁶ 2¹⁷ 2¹⁸ 2¹⁹ 2²⁰'],
    ['few positions as they are', 3, 50, [3, 6, 12, 24, 48], '3 6 12 24 48'],
    ['positions too near each other', 1, 1000, [1, 1.01, 1000], '1 3 10 30 100 300 1000'],
    ['one decade', 2.6, 12, [], '3 5 7 10'],
    ['a narrow axis', 2.02, 2.48, [], '2.1 2.2 2.3 2.4'],
    ['full values around one, of one kind', 0.01, 100, [], '0.01 0.1 1 10 100'],
    ['far from one, powers only', 1e-8, 1, [], '10⁻⁸ 10⁻⁷ 10⁻⁶ 10⁻⁵ 10⁻⁴ 10⁻³ 10⁻² 10⁻¹ 10⁰'],
  ])('%s', (_name, low, high, positions, labels) => {
    const ticks = logTicks(low, high, positions);
    expect(ticks.labels.join(' ')).toBe(labels);
    expect(ticks.values).toHaveLength(ticks.labels.length);
  });

  test('the figure and its static image have the same ticks', () => {
    const figure = plot.line({ x: [64, 128, 256], y: [1, 2, 3] }, { xLog: true });
    expect(figure.layout.xaxis!.tickvals).toEqual([64, 128, 256]);
    for (const label of ['64', '128', '256']) expect(figure.toSvg()).toContain(`>${label}</text>`);
  });
});

describe('staticSvg', () => {
  test('ranges reach from low to high, and the axis holds them', () => {
    const figure = plot.scatter({ y: [2, 3], low: [1, 2.5], high: [8, 3.5] });
    const { array, arrayminus } = figure.data[0]!.error_y!;
    expect([array, arrayminus]).toEqual([
      [6, 0.5],
      [1, 0.5],
    ]);
    const svg = figure.toSvg();
    assertWellFormed(svg);
    const ranges = /<path d="((?:M[\d.]+ [\d.]+V[\d.]+M[\d.]+ [\d.]+h8M[\d.]+ [\d.]+h8)+)"/.exec(svg)![1]!;
    const [first, second] = [...ranges.matchAll(/M[\d.]+ ([\d.]+)V([\d.]+)/g)].map(
      ([, low, high]) => Number(low) - Number(high),
    );
    expect(first! / second!).toBeCloseTo(7, 0);
  });

  test('a range that does not hold its point, or has one end, is refused', () => {
    expect(() => plot.scatter({ y: [2], low: [3], high: [4] })).toThrow(
      'plot.scatter: the range of point 0 does not hold it: 3 to 4, y 2',
    );
    expect(() => plot.scatter({ y: [2], low: [1] })).toThrow('a range needs both ends');
  });

  test('every seed is a point, beside the median of its arm', () => {
    const figure = plot.points({ 'pre / 前置': [1, 2, 9], post: [4] }, { yLabel: 'loss' });
    expect(figure.data.map(({ y }) => y)).toEqual([[1, 2, 9], [2], [4], [4]]);
    expect(figure.layout.xaxis!.ticktext).toEqual(['pre / 前置', 'post']);
    const svg = figure.toSvg();
    assertWellFormed(svg);
    expect(circles(svg)).toHaveLength(6);
    expect(svg).toContain('<tspan lang="zh">前置</tspan>');
    expect(() => plot.points({ empty: [] })).toThrow('plot.points: empty has no finite value');
  });

  test('a marked length is a line with its word, inside the axis', () => {
    const marks = [{ x: 8, label: 'trained length' }];
    const figure = plot.line({ x: [1, 2, 4], y: [1, 2, 3] }, { xLog: true, marks });
    const svg = figure.toSvg();
    assertWellFormed(svg);
    const at = Number(/class="kb-mark" d="M([\d.]+) /.exec(svg)![1]);
    const ticks = [...svg.matchAll(/<text x="([\d.]+)"[^>]*text-anchor="middle">(\d+)<\/text>/g)];
    expect(at).toBeCloseTo(Number(ticks.find(([, , label]) => label === '8')![1]), 0);
    expect(svg).toContain('trained length');
    expect(figure.layout.shapes).toMatchObject([{ x0: 8, x1: 8, yref: 'paper' }]);
  });

  test('numbers that are names are categories', () => {
    const figure = plot.line({ x: [0, 5, 7], y: [1, 2, 3] }, { xCategories: true });
    expect(figure.data[0]!.x).toEqual(['0', '5', '7']);
    expect(figure.layout.xaxis!.type).toBe('category');
    expect(plot.heatmap([[1, 2]]).layout.xaxis!.type).toBe('category');
  });

  test('markers keep the proportions of the data', () => {
    const svg = plot.scatter({ x: [0, 1, 3], y: [5, 10, 0] }).toSvg();
    assertWellFormed(svg);
    const [a, b, c] = circles(svg);
    expect((c![0]! - a![0]!) / (b![0]! - a![0]!)).toBeCloseTo(3, 1);
    expect((c![1]! - a![1]!) / (b![1]! - a![1]!)).toBeCloseTo(-1, 1);
    expect(b![1]).toBeLessThan(a![1]!);
  });

  test('a NaN breaks the line, in the figure and in the data', () => {
    const figure = plot.line([1, Number.NaN, 3, 4]);
    const path = /<path d="(M[^"]*)" fill="none"/.exec(figure.toSvg())![1]!;
    expect(path.match(/M/g)).toHaveLength(2);
    expect(figure.data[0]!.y).toEqual([1, null, 3, 4]);
  });

  test('a long line is thinned but keeps its peak', () => {
    const y = new Float32Array(50_000);
    y[31_234] = 1;
    const svg = plot.line({ y }).toSvg();
    expect(svg.length).toBeLessThan(40_000);
    const heights = [...svg.matchAll(/[ML]([\d.]+) ([\d.]+)/g)].map(([, , height]) => Number(height));
    expect(Math.max(...heights) - Math.min(...heights)).toBeGreaterThan(250);
  });

  test('bars start at zero, on both sides of it', () => {
    const svg = plot.bar({ x: ['up', 'down'], y: [2, -1] }).toSvg();
    assertWellFormed(svg);
    const bars = [...svg.matchAll(/<rect x="([\d.]+)" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"\/>/g)];
    const [up, down] = bars.map(([, , y, height]) => ({ y: Number(y), height: Number(height) }));
    expect(up!.height / down!.height).toBeCloseTo(2, 1);
    expect(up!.y + up!.height).toBeCloseTo(down!.y, 0);
  });

  test('a heatmap holds its colours, row 0 on top, NaN transparent', () => {
    const svg = plot
      .heatmap(
        [
          [0, 1],
          [Number.NaN, 0.5],
        ],
        { zLabel: 'weight' },
      )
      .toSvg();
    assertWellFormed(svg);
    const png = Buffer.from(/base64,([\w+/=]+)"/.exec(svg)![1]!, 'base64');
    const pixels = decodePng(png);
    expect(pixels.slice(0, 4)).toEqual([68, 1, 84, 255]);
    expect(pixels.slice(4, 8)).toEqual([253, 231, 37, 255]);
    expect(pixels[11]).toBe(0);
    expect(pixels[15]).toBe(255);
    expect(svg).toContain('weight');
  });

  test('words are escaped and described', () => {
    const svg = plot
      .line(
        [
          { name: '<script>alert(1)</script>', y: [1, 2] },
          { name: 'a & "b"', y: [2, 1] },
        ],
        {
          title: '内积 <b>q·k</b>',
        },
      )
      .toSvg();
    assertWellFormed(svg);
    expect(svg).not.toContain('<script');
    expect(svg).toContain('a &amp; &quot;b&quot;');
    expect(svg).toContain('<title>内积 q·k</title>');
    expect(svg).toMatch(/<desc>.*2 points from 1 to 2/);
  });

  test.each([
    ['no points', plot.line([])],
    ['one point', plot.scatter([3])],
    ['all NaN', plot.line([Number.NaN, Number.NaN])],
    ['constant', plot.line([2, 2, 2])],
    ['zeros on a log axis', plot.line([0, 0], { yLog: true })],
    ['huge and tiny', plot.line([1e300, -1e300, 1e-300])],
    ['an empty heatmap', plot.heatmap([])],
    ['a constant heatmap', plot.heatmap([[1, 1]])],
    ['no traces', plot.figure([])],
  ])('%s gives finite coordinates', (_name, figure) => {
    const svg = figure.toSvg();
    assertWellFormed(svg);
    expect(svg.replace(/<desc>.*?<\/desc>/, '')).not.toMatch(/NaN|Infinity|undefined/);
  });

  test('a range cuts what lies outside', () => {
    expect(plot.line([1, 100], { yRange: [0, 2] }).toSvg()).toMatch(/<svg x="[\d.]+" y="[\d.]+" width/);
  });

  test('a type only Plotly can draw leaves a note', () => {
    expect(plot.figure([{ type: 'surface', z: [[1]] }]).toSvg()).toContain(
      'surface: drawn where JavaScript runs',
    );
  });
});

describe('input', () => {
  test('mistakes are named', () => {
    const y = [1, 2, 3];
    expect(() => plot.line({ x: [1, 2], y })).toThrow('plot.line: x has 2 entries, the data has 3');
    expect(() => plot.heatmap([[1], [1, 2]])).toThrow('plot.heatmap: rows differ in length: 1, 2');
    expect(() => plot.bar({ y: ['a'] as unknown as number[] })).toThrow(
      'plot.bar: expected numbers, found "a"',
    );
    expect(() => plot.line({ dataId: {}, shape: [3] } as unknown as number[])).toThrow(
      'plot.line: got a tensor; read it first',
    );
  });

  test('float32 values keep seven digits, not the noise behind them', () => {
    expect(plot.line(Float32Array.of(0.1, 16777217)).data[0]!.y).toEqual([0.1, 16777220]);
  });
});

describe('colours', () => {
  const luminance = (hex: string) => {
    const [r, g, b] = [1, 3, 5].map((at) => {
      const channel = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
      return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const contrast = (a: string, b: string) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high! + 0.05) / (low! + 0.05);
  };

  test.each(seriesColours)('%s stands out on light and dark ground', (colour) => {
    expect(contrast(colour, light.paper)).toBeGreaterThan(3);
    expect(contrast(colour, dark.paper)).toBeGreaterThan(3);
  });

  test.each([light, dark])('text is readable on its ground', (ground) => {
    expect(contrast(ground.ink, ground.paper)).toBeGreaterThan(7);
    expect(contrast(ground.muted, ground.paper)).toBeGreaterThan(4.5);
  });

  test('scales run from end to end', () => {
    expect(colourAt(sequential, 0)).toEqual([68, 1, 84]);
    expect(colourAt(sequential, 1)).toEqual([253, 231, 37]);
    expect(colourAt(diverging, 0.5)).toEqual([247, 247, 247]);
    expect(colourAt(sequential, -5)).toEqual(colourAt(sequential, 0));
  });
});

/** The pixels of an unfiltered RGBA PNG, chunk checksums aside (`encodePng` writes one IDAT). */
function decodePng(png: Buffer): number[] {
  const width = png.readUInt32BE(16);
  const at = png.indexOf('IDAT');
  const rows = inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)));
  return [...rows].filter((_, i) => i % (1 + 4 * width) !== 0);
}

test('encodePng round-trips', () => {
  const pixels = Uint8Array.from({ length: 24 }, (_, i) => i * 10);
  expect(decodePng(encodePng(3, 2, pixels))).toEqual([...pixels]);
});
