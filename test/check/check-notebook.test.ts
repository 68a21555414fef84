/** A notebook checked as a whole: which errors count, where they are said to be, and what is said of names. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CheckerEngine } from '../../kernel/language/checker-engine.js';
import { ServiceEngine } from '../../kernel/language/service-engine.js';
import { checkNotebook } from '../../scripts/check/check-notebook.js';
import { findingsText } from '../../scripts/check/report.js';
import { type CellText, notebookOf } from './notebook-of.js';

const folder = mkdtempSync(join(tmpdir(), 'kernelbook-check-'));
let engine: CheckerEngine;
beforeAll(() => {
  engine = new CheckerEngine({ cwd: folder });
});
beforeEach(() => engine.reset());
afterAll(() => rmSync(folder, { recursive: true }));

async function check(cells: CellText[], skipped?: Map<string, string>) {
  const one = { name: 'a.ipynb', path: join(folder, 'a.ipynb'), notebook: notebookOf(cells) };
  return await checkNotebook(engine, { ...one, ...(skipped && { skipped }) });
}

/** `cell:line:column code message`, of one severity. */
async function found(severity: 'error' | 'warning', cells: CellText[], skipped?: Map<string, string>) {
  const { findings } = await check(cells, skipped);
  return findings
    .filter((one) => one.severity === severity)
    .map(({ cell, line, column, code, message }) => `${cell.number}:${line}:${column} ${code} ${message}`);
}

describe('types across cells', () => {
  it('finds an error with the types of earlier cells, and says where as tsc does', async () => {
    const checked = await check(['const n: number = 1;', '', 'const 长 = "天";\nn.size + 长;']);
    expect(checked.findings).toMatchObject([
      {
        severity: 'error',
        code: 'TS2339',
        cell: { number: 3, id: 'c3' },
        line: 2,
        column: 3,
        start: 17,
        length: 4,
      },
    ]);
    expect(findingsText([checked], false)).toBe(
      "a.ipynb cell 3 \"c3\":2:3 - error TS2339: Property 'size' does not exist on type 'number'.\n\n" +
        '2 n.size + 长;\n    ~~~~',
    );
  });

  it('tells one mistake once: a cell with errors still declares its names', async () => {
    expect(await found('error', ['const a: number = "x"; const b = 2;', 'a + b;'])).toEqual([
      "1:1:7 TS2322 Type 'string' is not assignable to type 'number'.",
    ]);
  });

  it('sees what the kernel sees when the cells run one after the other', async () => {
    const cells = [
      'interface P { x: number }\nconst p: P = { x: 1 };',
      'p.y;\nconst q = p.x.toFixed(true);',
      'let missing: Nope;',
      'const s = 1 +;',
      '%time 1',
      'using z = { [Symbol.dispose]() {} };',
      'p.x = "s";\nfunction f(a) { return a; }',
    ];
    const kernel = new CheckerEngine({ cwd: folder });
    const expected = cells.flatMap((cell, index) => {
      const result = kernel.compile(cell, { count: index + 1 });
      if (result.ok) kernel.commit(result.token);
      const list = result.ok ? [] : result.diagnostics;
      return list.map(({ line, column, message }) => `${index + 1}:${line}:${column} ${message}`);
    });
    const seen = (await found('error', cells)).map((text) => text.replace(/ (TS\d+|kernelbook) /, ' '));
    expect(seen).toEqual(expected);
    expect(expected.length).toBeGreaterThan(6);
  });

  it('lets a cell have type errors that must raise an error, and takes nothing from it', async () => {
    for (const tag of ['raises-exception', 'expect-error: /not assignable/']) {
      engine.reset();
      expect(await found('error', [['const bad: number = "x"; const also = 1;', tag], 'also;'])).toEqual([
        "2:1:1 TS2304 Cannot find name 'also'. 'also' is declared in cell 1, which must raise an error: its declarations do not count.",
      ]);
    }
  });

  it('leaves out what is no TypeScript of a cell to run', async () => {
    expect(await found('error', ['Math.max?', '  ', '??parseInt'])).toEqual([]);
  });

  it('does not check cells that are skipped, and says why their names are missing', async () => {
    const skipped = new Map([['c1', 'is skipped here: it needs webgpu']]);
    expect(await found('error', ['const fromThere = 1; nope();', 'fromThere;'], skipped)).toEqual([
      "2:1:1 TS2304 Cannot find name 'fromThere'. 'fromThere' is declared in cell 1, which is skipped here: it needs webgpu.",
    ]);
  });

  it('reports errors in a file that is imported, and lists the file', async () => {
    writeFileSync(join(folder, 'wrong.ts'), 'export const w: number = 1;\nexport const v: string = w;\n');
    const checked = await check(["import { v, w } from './wrong.js';\nv + w;", "import './wrong.js';"]);
    expect(checked.findings).toHaveLength(1);
    expect(checked.files).toEqual([join(folder, 'wrong.ts')]);
    expect(checked.findings).toMatchObject([{ code: 'TS2322', file: 'wrong.ts', line: 2, column: 14 }]);
  });

  it('leaves modules to the run that an earlier cell makes', async () => {
    expect(
      await found('error', [
        "import { execSync } from 'node:child_process'; execSync('npm install left-pad');",
        "import pad from 'left-pad'; pad('x', 3);",
        "import { writeFileSync } from 'node:fs'; writeFileSync('made.ts', 'export const m = 1');",
        "import { m } from './made.js'; m + 1;",
        "import other from 'right-pad'; other;",
        "import { u } from './unmade.js'; u;",
        "import again from './unmade.js'; again;",
      ]),
    ).toEqual([
      expect.stringMatching(/^5:1:19 TS2307 Cannot find module 'right-pad'/),
      expect.stringMatching(/^6:1:19 TS2307 Cannot find module '.\/unmade.js'/),
      expect.stringMatching(/^7:1:19 TS2307 Cannot find module '.\/unmade.js'/),
    ]);
  });

  it('finds the errors with the fallback engine too', async () => {
    const service = new ServiceEngine({ cwd: folder });
    const notebook = notebookOf(['const n: number = 1;', 'n.size;', ['n.size;', 'raises-exception']]);
    const { findings } = await checkNotebook(service, { name: 'a.ipynb', path: 'a.ipynb', notebook });
    expect(findings).toMatchObject([{ code: 'TS2339', cell: { number: 2 }, line: 1, column: 3 }]);
    expect(findings).toHaveLength(1);
  });
});

describe('names used out of order', () => {
  it('names the later cell, and does not call its declaration unused', async () => {
    const cells = ['const a = later(1);\na;', 'const later = (x: number) => x;'];
    expect(await found('error', cells)).toEqual([
      "1:1:11 TS2304 Cannot find name 'later'. 'later' is declared in cell 2, below.",
    ]);
    engine.reset();
    expect(await found('warning', cells)).toEqual([]);
  });

  it.each([
    ['a type', 'let x: Later; x;', 'type Later = string;'],
    ['a namespace', 'let x: Late.r; x;', 'namespace Late { export type r = 1; export const k = 1; }'],
    ['a shorthand property', 'const o = { later }; o;', 'let later = 1;'],
    [
      'a name the compiler knows from a test library',
      "test('a', 1);",
      'function test(a: string, b: number) {}',
    ],
    ['a misspelling of another name', 'const latter = 1; later + latter;', 'let later = 1;'],
  ])('%s', async (_, use, declaration) => {
    expect(await found('error', [use, declaration])).toEqual([
      expect.stringContaining('declared in cell 2, below'),
    ]);
  });

  it('says nothing of a name that was declared above as well', async () => {
    expect(await found('error', ['let a = 1;', 'a;', 'let a = 2; a;'])).toEqual([]);
  });
});

describe('unused names', () => {
  it('reports imports and variables', async () => {
    expect(
      await found('warning', [
        "import fs, { join as put } from 'node:path';\nconst { a, b: [c] } = { a: 1, b: [2] };",
      ]),
    ).toEqual([
      "1:1:8 unused-name 'fs' is imported but nothing uses it.",
      "1:1:22 unused-name 'put' is imported but nothing uses it.",
      "1:2:9 unused-name 'a' is declared but nothing uses it.",
    ]);
  });

  it.each<[string, CellText[]]>([
    ['used in a later cell', ['const a = 1;', 'a;']],
    ['used in its own cell', ['const a = 1; a;']],
    ['used in a function', ['const a = 1;', 'function f() { return { a }; }']],
    ['used as a type', ["import { Stats } from 'node:fs';", 'let s: Stats | undefined; s;']],
    ['used by typeof', ['const a = 1;', 'type A = typeof a;']],
    ['only assigned', ['let a = 1;', 'a = 2;']],
    ['a parameter', [['let steps = 3;', 'parameters']]],
    ['an injected parameter', ['let steps = 3; steps;', ['let steps = 4;', 'injected-parameters']]],
    ['exported', ['export const a = 1;']],
    ['exported by a list', ['const a = 1; export { a };']],
    ['begins with an underscore', ['const _a = 1;']],
    ['left out of a rest', ['const { a, ...rest } = { a: 1, b: 2 }; rest;']],
    ['an element of a list', ['const [a, b] = [1, 2]; b;']],
    [
      'a function, class, type or enum',
      ['function f() {}\nclass C {}\ntype T = 1;\nenum E { A }\ninterface I {}'],
    ],
    ['in a cell that must fail', [["const a = 1; throw new Error('x');", 'raises-exception']]],
    ['redeclared and used', ['let a = 1; a;', 'let a = 2;', 'a;']],
  ])('not where the name is %s', async (_, cells) => {
    expect(await found('warning', cells)).toEqual([]);
  });

  it('reports a variable whose only use is of a later declaration', async () => {
    expect(await found('warning', ['const a = 1;', 'const a = 2;', 'a;'])).toEqual([
      "1:1:7 unused-name 'a' is declared but nothing uses it.",
    ]);
  });

  it('does not take properties, keys or other declarations for uses', async () => {
    const other =
      'const o = { a: 1 }; o.a; class K { a = 1 } enum E { a } type T = { a: number }; const { a: z } = o; z;';
    expect(await found('warning', ['const a = 1;', other])).toEqual([
      "1:1:7 unused-name 'a' is declared but nothing uses it.",
    ]);
  });
});

describe('names that change', () => {
  it('reports both types and the cell before', async () => {
    expect(
      await found('warning', ['let r = 1; r;', 'let other = 2; other;', 'let r = { loss: 1 }; r;']),
    ).toEqual(["3:1:5 changed-name 'r' is number in cell 1 and becomes { loss: number; } here."]);
  });

  it.each<[string, string, string]>([
    ['another value of the type', 'const n = 4;', 'const n = 8;'],
    ['a wider type', 'const n = 4;', 'const n: number | string = 8;'],
    ['the same import', "import { join } from 'node:path';", "import { join } from 'node:path';"],
    ['a function of the same type', 'const f = (a: number) => a;', 'function f(a: number) { return a + 1; }'],
    ['a type beside a value', 'const P = 1;', 'interface P { a: number }'],
    ['any', 'const a = 1;', 'const a: any = {}; '],
    ['the same type once more', 'interface P { a: number }', 'interface P { a: number }'],
  ])('not %s', async (_, before, after) => {
    const uses = 'typeof n; typeof join; typeof f; typeof P; typeof a;';
    const names = await found('warning', [before, `${after}\n${uses.split(' ').join(' ')}`]);
    expect(names.filter((text) => text.includes('changed-name'))).toEqual([]);
  });

  it.each<[string, string, string, string]>([
    [
      'an import that becomes another',
      "import { join as a } from 'node:path';",
      'const a = 1;',
      'number here',
    ],
    ['another interface', 'interface P { a: number }', 'interface P { a: string }', "'P' is P in cell 1"],
    ['a class that becomes a number', 'class K {}', 'const K = 1;', "'K' is typeof K in cell 1"],
  ])('%s', async (_, before, after, expected) => {
    const names = await found('warning', [before, after]);
    expect(names.filter((text) => text.includes('changed-name'))).toEqual([
      expect.stringContaining(expected),
    ]);
  });
});
