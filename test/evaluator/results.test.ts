/** `_`, `Out` and `In`: what earlier cells gave. */
import { expect, it } from 'vitest';
import { Notebook } from './notebook.js';

const notebook = new Notebook();

it('the last result, the results and the sources', async () => {
  expect(
    await notebook.texts(
      '6 * 7',
      'const nothing = 1',
      '_',
      '_ + 1',
      'Out[1] + Out[4]',
      'In[2]',
      'Object.keys(Out)',
    ),
  ).toEqual(['42', undefined, '42', '43', '85', "'const nothing = 1'", "[ '1', '3', '4', '5', '6' ]"]);
  expect(await notebook.texts('await Promise.resolve([1])', '_.length', '"late".x', '_')).toEqual([
    '[ 1 ]',
    '1',
    'TS 1:8 2339',
    '1',
  ]);
});

it('a parameter is its own, and a name that a cell declares is the user’s', async () => {
  expect(
    await notebook.texts(
      '[5, 6].map((_, index) => index)',
      'const _ = { chunk: 3 }',
      '8',
      '_.chunk',
      '_.nope',
    ),
  ).toEqual(['[ 0, 1 ]', undefined, '8', '3', 'TS 1:3 2339']);
});

it('Out keeps the last hundred', async () => {
  for (let n = 0; n < 101; n++) await notebook.run('"x"');
  expect(await notebook.texts('Object.keys(Out).length')).toEqual(['100']);
});
