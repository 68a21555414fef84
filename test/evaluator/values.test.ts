/** Values of every kind as text and HTML: short, honest, escaped, and never changed by being shown. */
import { describe, expect, it } from 'vitest';
import { toBundle } from '../../kernel/evaluator/mime.js';
import { numberText } from '../../kernel/evaluator/number-text.js';
import type { MimeBundle } from '../../src/display/display.js';

const bundle = async (value: unknown): Promise<MimeBundle> => (await toBundle(value))!;
const text = async (value: unknown) => String((await bundle(value))['text/plain']);
const html = async (value: unknown) => String((await bundle(value))['text/html']);
const count = (length: number) => Array.from({ length }, (_, index) => index);

/** Rows of a table as their cells' texts; `title|text` where a cell has a title. */
function cells(table: string): string[][] {
  return [...table.matchAll(/<tr>(.*?)<\/tr>/g)].map((row) =>
    [...row[1]!.matchAll(/<t[dh][^>]*?(?: title="([^"]*)")?>(.*?)<\/t[dh]>/g)].map(([, title, cell]) =>
      title === undefined ? cell! : `${title}|${cell}`,
    ),
  );
}

describe('numbers that are read together', () => {
  it.each([
    [
      [1, 20, -3],
      ['1', '20', '-3'],
    ],
    [
      [0.1, 0.25, 100],
      ['0.10', '0.25', '100.00'],
    ],
    [
      [0.5, 1e-9],
      ['0.5', '1e-9'],
    ],
    [
      [0, -0, 2.5],
      ['0', '-0', '2.5'],
    ],
    [
      [1.25e-5, 3e-7],
      ['1.25e-5', '3.00e-7'],
    ],
    [
      [1.5, Number.NaN, Number.NEGATIVE_INFINITY],
      ['1.5', 'NaN', '-Infinity'],
    ],
    [
      [1 / 3, 2 / 3],
      ['0.333333', '0.666667'],
    ],
    [[6.02214076e23], ['6.02214e+23']],
    [[], []],
  ])('%j', (values, expected) => {
    expect(values.map(numberText(values))).toEqual(expected);
  });

  it('every text is near its number, whatever stands beside it', () => {
    let seed = 7;
    const random = () => {
      seed = (seed * 48271) % 2147483647;
      return seed / 2147483647;
    };
    for (let round = 0; round < 300; round++) {
      const spread = random() * 24;
      const values = count(20).map(() => (random() - 0.5) * 10 ** ((random() - 0.5) * spread));
      const write = numberText(values);
      const errors = values.map((value) => Math.abs(Number(write(value)) / value - 1));
      expect(Math.max(...errors)).toBeLessThan(0.05);
    }
  });
});

describe('tables', () => {
  it('of records: decimals aligned, full numbers in the titles, mixed keys, nested values in brief, escaped', async () => {
    const records = [
      { name: '<script>alert(1)</script>', x: 1 / 3, n: 1 },
      { name: 'b', x: 20, inner: { deep: [1, 2] }, 'a "key"': null },
    ];
    const table = await html(records);
    expect(cells(table)).toEqual([
      ['name', 'x', 'n', 'inner', 'a &quot;key&quot;'],
      ['&lt;script&gt;alert(1)&lt;/script&gt;', '0.3333333333333333|0.33333', '1', '', ''],
      ['b', '20.00000', '', '{ deep: [ 1, 2 ] }', 'null'],
    ]);
    expect(table).not.toContain('<script');
    expect(table.match(/text-align:right/g)).toHaveLength(6); // x and n: a head and two rows each
    expect(await text(records)).toContain('x: 0.3333333333333333');
  });

  it('long ones are cut, with a word on the rest', async () => {
    const table = await html(count(1040).map((a) => ({ a })));
    expect(cells(table)).toHaveLength(62);
    expect(cells(table).at(-1)).toEqual(['… 980 more rows']);
  });

  it('long texts are cut, and whole in the title', async () => {
    const [, [cell]] = cells(await html([{ a: 'x'.repeat(200) }])) as [string[], string[]];
    expect(cell).toBe(`${'x'.repeat(200)}|${'x'.repeat(79)}…`);
  });

  it('getters are named, not asked', async () => {
    const record = {
      a: 1,
      get b() {
        throw new Error('asked');
      },
    };
    expect(cells(await html([record]))[1]).toEqual(['1', '[Getter]']);
  });

  it('of numbers: a matrix with row and column numbers', async () => {
    expect(
      cells(
        await html([
          [1, 2.5],
          [3, Number.NaN],
        ]),
      ),
    ).toEqual([
      ['', '0', '1'],
      ['0', '1.0', '2.5'],
      ['1', '3.0', 'NaN'],
    ]);
    const wide = cells(await html([count(50), count(50)]));
    expect(wide[1]).toHaveLength(18);
    expect(wide[0]![9]).toBe('…');
  });

  it('of a Map with plain keys', async () => {
    const map = new Map<unknown, unknown>([
      ['a', 1],
      ['<b>', { x: 1 }],
    ]);
    expect(cells(await html(map))).toEqual([
      ['key', 'value'],
      ['a', '1'],
      ['&lt;b&gt;', '{ x: 1 }'],
    ]);
    expect(Object.keys(await bundle(new Map([[{}, 1]])))).toEqual(['text/plain']);
  });

  it.each([
    ['an empty array', []],
    ['only nested values', [{ a: [1] }]],
    ['instances', [new Date(0)]],
    ['mixed', [{ a: 1 }, 2]],
    ['empty records', [{}]],
    ['ragged rows', [[1, 2], [3]]],
    ['one row', [[1, 2]]],
    ['an empty Map', new Map()],
    ['a Set', new Set([1])],
    ['more columns than a page has', [Object.fromEntries(count(40).map((key) => [`k${key}`, key]))]],
  ])('none for %s', async (_, value) => {
    expect(Object.keys(await bundle(value))).toEqual(['text/plain']);
  });
});

describe('bytes and typed arrays', () => {
  it.each([
    ['Float32Array', new Float32Array([0.1, 300.25]), 'Float32Array(2)\n[  0.10, 300.25]'],
    ['BigInt64Array', new BigInt64Array([1n, -5n]), 'BigInt64Array(2)\n[ 1n, -5n]'],
    ['an empty one', new Uint8Array(), 'Uint8Array(0)\n[]'],
    ['Buffer', Buffer.from('hi\n'), `Buffer, 3 bytes\n00000000  68 69 0a${' '.repeat(41)}hi.`],
    ['an empty Buffer', Buffer.alloc(0), 'Buffer, 0 bytes'],
    ['ArrayBuffer', new ArrayBuffer(1), `ArrayBuffer, 1 byte\n00000000  00${' '.repeat(47)}.`],
    ['DataView', new DataView(new ArrayBuffer(4), 1, 1), `DataView, 1 byte\n00000000  00${' '.repeat(47)}.`],
  ])('%s', async (_, value, expected) => {
    expect(await text(value)).toBe(expected);
    expect(await html(value)).toMatch(/^<div class="kernelbook-value"/);
  });

  it('long ones by their ends', async () => {
    expect(await text(Float64Array.from(count(5000)))).toBe(
      'Float64Array(5000)\n[   0,    1,    2, …, 4997, 4998, 4999]',
    );
    const dump = (await text(Buffer.alloc(4096))).split('\n');
    expect(dump).toHaveLength(1 + 12 + 1 + 3);
    expect(dump[13]).toBe('… 3856 more bytes');
  });

  it('the bytes of an image are shown as the image, without HTML in its way', async () => {
    const png = Buffer.from('89504e470d0a1a0a00000000', 'hex');
    expect(await bundle(png)).toEqual({
      'text/plain': 'Buffer, 12 bytes (image/png)',
      'image/png': png.toString('base64'),
    });
    const jpeg = new Uint8Array([0xff, 0xd8, 0xff, 0xe0]);
    expect(Object.keys(await bundle(jpeg))).toEqual(['text/plain', 'image/jpeg']);
    expect(Object.keys(await bundle(Buffer.from('RIFF0000WAVE')))).not.toContain('image/webp');
  });
});

describe('everything else as text', () => {
  const circular: Record<string, unknown> = { a: 1 };
  circular.self = circular;
  class Point {
    #secret = 1;
    x = this.#secret;
    get y(): number {
      throw new Error('asked');
    }
  }
  it.each([
    ['Set', new Set([1]), 'Set(1) { 1 }'],
    ['WeakMap', new WeakMap(), 'WeakMap { <items unknown> }'],
    ['an instance', new Point(), 'Point { x: 1 }'],
    ['Date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['RegExp', /a+/g, '/a+/g'],
    ['Symbol', Symbol('s'), 'Symbol(s)'],
    ['bigint', 10n, '10n'],
    ['minus zero', -0, '-0'],
    ['null prototype', Object.create(null), '[Object: null prototype] {}'],
    ['circular', circular, '<ref *1> { a: 1, self: [Circular *1] }'],
    ['deep', { a: { b: { c: { d: { e: { f: 1 } } } } } }, /d: \{ e: \[Object\] \}/],
    ['its own inspection', { [Symbol.for('nodejs.util.inspect.custom')]: () => 'own' }, 'own'],
    [
      'an inspection that throws',
      {
        [Symbol.for('nodejs.util.inspect.custom')]() {
          throw new Error('bad');
        },
      },
      '[object that cannot be shown: Error: bad]',
    ],
    ['an arrow', (a: number) => a, /^\[Function \(anonymous\)\]\n\(a\) => a$/],
    ['a class', class A extends Map {}, /^\[class A extends Map\]\nclass A extends Map \{/],
    ['a native function', Math.max, '[Function: max]'],
    ['a proxy', new Proxy({ a: 1 }, {}), '{ a: 1 }'],
    ['an error as value', new RangeError('far'), /^RangeError: far\n {4}at /],
  ])('%s', async (_, value, expected) => {
    if (typeof expected === 'string') expect(await text(value)).toBe(expected);
    else expect(await text(value)).toMatch(expected);
    expect(Object.keys(await bundle(value))).toEqual(['text/plain']);
  });

  it('a proxy or a getter that throws does not fail the cell', async () => {
    const throwing = () => {
      throw new Error('trap');
    };
    const traps = { get: throwing, has: throwing, ownKeys: throwing, getOwnPropertyDescriptor: throwing };
    expect(await text(new Proxy({ a: 1 }, traps))).toBe('{ a: 1 }');
    expect(
      await text({
        get toMimeBundle() {
          throw new Error('asked');
        },
      }),
    ).toBe('{ toMimeBundle: [Getter] }');
  });

  it('what is huge is short, and not written out first', async () => {
    const { user: before } = process.cpuUsage();
    expect((await text(new Array(10_000_000).fill(0))).length).toBeLessThan(2000);
    expect((await text(new Map(count(200_000).map((key) => [key, key])))).length).toBeLessThan(5000);
    expect((await text(Array(200_000).fill({ a: 1 }))).length).toBeLessThan(5000);
    const keys = await text(Object.fromEntries(count(50_000).map((key) => [`k${key}`, key])));
    expect(keys).toMatch(/ {2}… 49900 more keys\n\}$/);
    expect(await text('x'.repeat(1_000_000))).toMatch(/^'x{10000}'\.\.\. 990000 more characters$/);
    const lines = count(40).map(() => 'y'.repeat(9000));
    expect(await text(lines)).toMatch(/… \d+ more characters$/);
    // Microseconds of this process alone. Were it all written out it would be many times as much.
    expect(process.cpuUsage().user - before).toBeLessThan(20e6);
  });
});
