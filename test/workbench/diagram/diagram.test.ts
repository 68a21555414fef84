/** Diagrams: well formed, the same bytes each time, in two languages, true to the shapes they are given. */
import { describe, expect, test } from 'vitest';
import { ndarray } from '../../../src/compute/ndarray.js';
import { tf } from '../../../src/compute/tf.js';
import type { Diagram } from '../../../src/workbench/diagram/index.js';
import { layOut } from '../../../src/workbench/diagram/layers.js';
import { plot } from '../../../src/workbench/plot/index.js';

const { diagram } = plot;

const examples: Record<string, () => Diagram> = {
  flow: () =>
    diagram.flow({
      title: 'Attention / 注意力',
      blocks: {
        x: { tensor: [2, 6, 32], axes: 'BTC' },
        q: { tensor: [2, 4, 6, 8], axes: 'BHTD' },
        sum: { label: 'sum / 求和', note: 'over <T>' },
      },
      arrows: [
        ['x', 'q'],
        ['q', 'sum'],
        ['x', 'sum', 'residual / 残差'],
      ],
    }),
  tiles: () =>
    diagram.tiles({
      rows: 10,
      columns: 12,
      tile: [4, 4],
      rowLabel: 'queries / 查询',
      columnLabel: 'keys',
      order: 'rows',
      kind: (i, j) => (j > i ? undefined : i === j ? 'masked' : 'full / 完整'),
    }),
  hierarchy: () =>
    diagram.hierarchy({
      levels: [
        { label: 'shared memory / 共享内存', bytes: 20e6, bytesPerSecond: 19e12, note: 'tiles' },
        { label: 'HBM', bytes: 80e9 },
      ],
    }),
  timeline: () =>
    diagram.timeline({
      events: [
        { rank: 0, start: 0, end: 1, kind: 'forward / 前向', label: '0' },
        { rank: 1, start: 1, end: 3, kind: 'backward', label: '0' },
      ],
    }),
  memoryBars: () =>
    diagram.memoryBars({
      bars: [
        { label: 'DDP', parts: { 'weights / 权重': 15e9, optimizer: 90e9 } },
        { label: 'ZeRO-3', parts: { 'weights / 权重': 0.2e9, optimizer: 1.4e9 } },
      ],
      limit: { bytes: 80e9, label: 'GPU' },
    }),
  rotation: () =>
    diagram.rotation({
      circles: [
        {
          label: 'pair 0 / 第 0 对',
          between: true,
          vectors: [
            { name: 'q', angle: 0.3 },
            { name: 'k', angle: 1.3 },
          ],
        },
      ],
    }),
  shards: () =>
    diagram.shards({
      rows: ['weights', 'gradients'],
      columns: ['0', '1'],
      owner: (row, column) => (row === 0 ? ['rank 0', 'rank 1'] : column === 0 ? 'rank 0' : undefined),
    }),
  'shards in groups': () =>
    diagram.shards({
      rows: ['before', '', 'after'],
      columns: ['0', '1', '', '0', '1'],
      owner: (row, column) => `rank ${(row + column) % 2}`,
    }),
};

test('shards: rows and columns without a name are gaps, without shards and not told', () => {
  const grouped = examples['shards in groups']!();
  expect(grouped.picture.markup.match(/<rect/g)!.length).toBe(2 * 4 + 2); // the shards and the legend
  expect(grouped.picture.words).toBe(
    'before: rank 0, rank 1, rank 1, rank 0; after: rank 0, rank 1, rank 1, rank 0',
  );
});

/** Every element is closed, and nothing is undefined. */
function assertWellFormed(svg: string): void {
  const open: string[] = [];
  for (const [, closing, name, own] of svg
    .replace(/<style>.*?<\/style>/, '')
    .matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/gi)) {
    if (closing) expect(open.pop()).toBe(name);
    else if (!own) open.push(name!);
  }
  expect(open).toEqual([]);
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
}

describe.each(Object.entries(examples))('%s', (_name, make) => {
  test('is well formed, deterministic, and narrow enough for a phone', () => {
    const svg = make().toSvg();
    assertWellFormed(svg);
    expect(make().toSvg()).toBe(svg);
    expect(Number(/width="(\d+)"/.exec(svg)![1])).toBeLessThanOrEqual(550);
    expect(svg).not.toMatch(/https?:(?!\/\/www\.w3\.org\/2000\/svg)/);
  });

  test('has words for those who do not see it, and every form', () => {
    const bundle = make().toMimeBundle();
    expect(Object.keys(bundle)).toEqual(['text/plain', 'text/html', 'image/svg+xml']);
    expect(String(bundle['text/plain']).length).toBeGreaterThan(20);
    expect(String(bundle['image/svg+xml'])).toMatch(/<title>.+<\/title><desc>.+<\/desc>/);
  });
});

describe('shapes', () => {
  const block = (tensor: Parameters<typeof diagram.flow>[0]['blocks'][string]['tensor'], axes?: string) =>
    diagram.flow({ blocks: { x: { tensor: tensor!, ...(axes && { axes }) } }, arrows: [] }).toSvg();

  test('are those of tensors, NdArrays, and lists', () => {
    for (const value of [tf.zeros([2, 3]), ndarray([2, 3]), [2, 3]]) {
      const svg = block(value, 'BT');
      expect(svg).toContain('>[B,T]<');
      expect(svg).toContain('>2×3<');
    }
  });

  test('names that do not fit, and an axis with two extents, are refused', () => {
    expect(() => block([2, 3], 'BTC')).toThrow(
      'diagram.flow: x has shape [2,3], 2 axes, but 3 names: B, T, C',
    );
    const two = { a: { tensor: [2, 8], axes: 'BT' }, b: { tensor: [2, 9], axes: 'BT' } };
    expect(() => diagram.flow({ blocks: two, arrows: [['a', 'b']] })).toThrow('axis T is 8 in a and 9 in b');
  });
});

describe('flow', () => {
  test('unknown blocks and circles are named', () => {
    const blocks = { a: {}, b: {} };
    expect(() => diagram.flow({ blocks, arrows: [['a', 'c']] })).toThrow(
      'names c, which is no block; there are a, b',
    );
    expect(() =>
      diagram.flow({
        blocks,
        arrows: [
          ['a', 'b'],
          ['b', 'a'],
        ],
      }),
    ).toThrow('the arrows form a circle');
  });

  test('each block is below all it depends on, none overlap, and long ways pass beside blocks', () => {
    const nodes = ['x', 'a', 'b', 'c', 'd', 'y'].map((id, i) => ({ id, width: 40 + 10 * i }));
    const edges = [
      ['x', 'a'],
      ['x', 'b'],
      ['a', 'c'],
      ['b', 'c'],
      ['c', 'd'],
      ['d', 'y'],
      ['x', 'y'],
      ['a', 'y'],
    ] as const;
    const { places, routes, layers, width } = layOut('t', nodes, edges);
    expect(layers).toBe(5);
    for (const [from, to] of edges) expect(places.get(to)!.layer).toBeGreaterThan(places.get(from)!.layer);
    const spans = nodes.map(({ id, width: own }) => ({ ...places.get(id)!, own }));
    for (const one of spans) {
      expect(one.x - one.own / 2).toBeGreaterThanOrEqual(-1e-9);
      expect(one.x + one.own / 2).toBeLessThanOrEqual(width + 1e-9);
      for (const other of spans) {
        if (one === other || one.layer !== other.layer) continue;
        expect(Math.abs(one.x - other.x)).toBeGreaterThanOrEqual((one.own + other.own) / 2);
      }
      for (const route of routes)
        for (const free of route.slice(1, -1)) {
          if (free.layer === one.layer) expect(Math.abs(free.x - one.x)).toBeGreaterThan(one.own / 2);
        }
    }
  });
});

describe('numbers', () => {
  test('bars are as long as their bytes, and their sum stands beside them', () => {
    const svg = examples.memoryBars!().toSvg();
    const [weights, optimizer] = [...svg.matchAll(/<rect [^>]*width="([\d.]+)" height="26"/g)].map(
      ([, width]) => Number(width),
    );
    expect(optimizer! / weights!).toBeCloseTo(6, 1);
    expect(svg).toContain('>105 GB<');
    expect(svg).toContain('>1.6 GB<');
  });

  test('a timeline tells how busy each rank is', () => {
    expect(examples.timeline!().picture.words).toContain('rank 1: 1 events, busy 66.7 %');
  });

  test('tiles are counted, the last ones smaller', () => {
    expect(examples.tiles!().picture.words).toContain(
      '10 × 12 elements in 3 × 3 tiles of 4 × 4: 3 × masked, 3 × full',
    );
  });

  test('the angle between two vectors goes the short way', () => {
    const circles = [
      {
        between: true,
        vectors: [
          { name: 'a', angle: 0.1 },
          { name: 'b', angle: 2 * Math.PI - 0.1 },
        ],
      },
    ];
    expect(diagram.rotation({ circles }).toSvg()).toContain('∠ 11.5°');
  });

  test('senseless input is named', () => {
    expect(() => diagram.timeline({ events: [{ rank: 0, start: 2, end: 1, kind: 'f' }] })).toThrow(
      'diagram.timeline: f on rank 0 starts at 2 and ends at 1',
    );
    expect(() => diagram.memoryBars({ bars: [{ label: 'x', parts: { w: Number.NaN } }] })).toThrow(
      'w of x must be a number of bytes >= 0, got NaN',
    );
    expect(() => diagram.tiles({ rows: 4, columns: 4, tile: [0, 2] })).toThrow('must be whole numbers > 0');
  });
});

test('several stand together under one title, each with its own', () => {
  const two = [
    diagram.tiles({ title: 'plain', rows: 4, columns: 4, tile: [4, 4] }),
    diagram.tiles({ title: 'tiled', rows: 4, columns: 4, tile: [2, 2] }),
  ];
  for (const together of [
    diagram.row(two, { title: 'Two ways' }),
    diagram.stack(two, { title: 'Two ways' }),
  ]) {
    const svg = together.toSvg();
    assertWellFormed(svg);
    for (const title of ['plain', 'tiled', 'Two ways']) expect(svg).toContain(`>${title}</text>`);
  }
  expect(diagram.row(two).picture.width).toBeGreaterThan(diagram.stack(two).picture.width);
});
