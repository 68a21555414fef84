/** Errors of the check and of running code look alike, and need no colour. */
import { expect, it } from 'vitest';
import { reportError } from '../../kernel/evaluator/errors.js';
import { CheckerEngine } from '../../kernel/language/checker-engine.js';
import { Notebook } from '../evaluator/notebook.js';
import { check } from './support.js';

const bold = (text: string) => `\u001b[1m${text}\u001b[22m`;

it('both say what, where, and show the lines around it', async () => {
  const code = 'const first = 1;\nconst 长 = 2, wrong: string = first;\n';
  const checked = await check(new CheckerEngine({ cwd: process.cwd() }), code);
  if (checked.ok) throw new Error('it passes');
  expect(checked.traceback).toEqual([
    `${bold('TS2322')}: Type 'number' is not assignable to type 'string'.`,
    'cell 1, line 2',
    '  1 | const first = 1;',
    `${bold('>')} 2 | const 长 = 2, wrong: string = first;`,
    `    |               ${bold('^^^^^')}`,
    '  3 |',
  ]);
  const { traceback } = await new Notebook().run('const first = 1;\nfirst.toFixed(101);\n');
  expect(traceback!.split('\n').slice(0, 6)).toEqual([
    'RangeError: toFixed() digits argument must be between 0 and 100',
    'cell 1, line 2',
    '  1 | const first = 1;',
    '> 2 | first.toFixed(101);',
    '    |       ^',
    '  3 |',
  ]);
});

it('no colour is used, and nothing is inverse', async () => {
  const codes = (lines: string[]) =>
    new Set(
      lines
        .join('\n')
        .split('\u001b[')
        .slice(1)
        .map((part) => part.slice(0, part.indexOf('m') + 1)),
    );
  const engine = new CheckerEngine({ cwd: process.cwd() });
  const checked = await check(engine, 'interface A { b: number }\nconst a: A = {};\nnope;\nfor (');
  if (checked.ok) throw new Error('it passes');
  expect([...codes(checked.traceback)].sort()).toEqual(['1m', '22m']);
  const error = new Error('outer', { cause: new TypeError('inner') });
  expect([...codes(reportError(error).traceback)].sort()).toEqual(['1m', '22m']);
});

it('what an error refers to follows it', async () => {
  const checked = await check(
    new CheckerEngine({ cwd: process.cwd() }),
    'interface A { b: number }\nconst a: A = { b: "1" };',
  );
  if (checked.ok) throw new Error('it passes');
  expect(checked.traceback.slice(-4)).toEqual([
    "The expected type comes from property 'b' which is declared here on type 'A'",
    'cell 1, line 1',
    `${bold('>')} 1 | interface A { b: number }`,
    `    |               ${bold('^')}`,
  ]);
});
