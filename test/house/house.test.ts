import { describe, expect, it } from 'vitest';
import { circles, type Imports, readImports, specifiersOf } from './imports.js';

/** From the ground up: a storey may import itself and those before it. */
const storeys = ['src', 'kernel', 'scripts'];

/** The rooms of `src`, likewise. `cache.ts` lies below all of them; `index.ts` shows what the library offers. */
const rooms = ['display', 'compute', 'layers', 'training', 'parallel', 'models', 'workbench'];

const imports = readImports(storeys);

/** Imports that go up, as `importer → imported`. */
function upwards(all: Imports, levelOf: (file: string) => number | undefined): string[] {
  return [...all].flatMap(([file, imported]) => {
    const level = levelOf(file);
    return imported.flatMap((other) => {
      const above = levelOf(other);
      return level !== undefined && above !== undefined && above > level ? [`${file} → ${other}`] : [];
    });
  });
}

const storeyOf = (file: string) => storeys.indexOf(file.split('/')[0]!);

function roomOf(file: string): number | undefined {
  const [storey, room] = file.split('/');
  if (storey !== 'src') return undefined;
  if (room === 'cache.ts') return -1;
  return room === 'index.ts' ? rooms.length : rooms.indexOf(room!);
}

describe('the house', () => {
  it('has no circle of imports, types included', () => {
    expect(circles(imports)).toEqual([]);
  });

  it('has no import from a storey above', () => {
    expect(upwards(imports, storeyOf)).toEqual([]);
  });

  it('has no import from a room above, in src', () => {
    expect(upwards(imports, roomOf)).toEqual([]);
  });

  it('has no room in src but those of the order', () => {
    const inSrc = [...imports.keys()]
      .filter((file) => file.startsWith('src/'))
      .map((file) => file.split('/')[1]!);
    expect([...new Set(inSrc)].filter((name) => !rooms.includes(name)).sort()).toEqual([
      'cache.ts',
      'index.ts',
    ]);
  });
});

describe('these checks', () => {
  it('see every form of an import', () => {
    const text = `
      import './effect.js';
      import type { A } from './a.js';
      import { type B } from "./b.js";
      export * from './c.js';
      export { d } from './d.js';
      export type { E } from './e.js';
      let f: import('./f.js').F;
      const g = await import('./g.js');
      const h = await import(\`./h.js\`);
      type I = typeof import('./i.js');
      const text = "import './not.js'"; // import './nor.js'`;
    expect(specifiersOf(text)).toEqual(
      ['effect', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].map((name) => `./${name}.js`),
    );
  });

  it('find circles', () => {
    const graph = new Map([
      ['a', ['b', 'c']],
      ['b', ['c']],
      ['c', ['d']],
      ['d', ['b']],
      ['e', ['e']],
      ['f', ['a']],
    ]);
    expect(circles(graph)).toEqual([['b', 'c', 'd'], ['e']]);
  });

  it('find an import that goes up', () => {
    const added = (file: string, imported: string) => new Map([...imports, [file, [imported]]]);
    expect(upwards(added('kernel/main.ts', 'scripts/main.ts'), storeyOf)).toEqual([
      'kernel/main.ts → scripts/main.ts',
    ]);
    expect(upwards(added('src/compute/tf.ts', 'src/layers/softmax/softmax.ts'), roomOf)).toEqual([
      'src/compute/tf.ts → src/layers/softmax/softmax.ts',
    ]);
    expect(upwards(added('src/cache.ts', 'src/display/html.ts'), roomOf)).toEqual([
      'src/cache.ts → src/display/html.ts',
    ]);
  });
});
