/** Messages, hovers and completions name types and modules as the reader knows them. */
import { expect, it } from 'vitest';
import { CheckerEngine } from '../../kernel/language/checker-engine.js';
import { documentationHtml } from '../../kernel/language/documentation-html.js';
import { withoutPaths } from '../../kernel/language/readable-paths.js';
import { atCursor, check } from './support.js';

const engine = new CheckerEngine({ cwd: process.cwd() });

it('without the paths of files', () => {
  expect(withoutPaths('(x: import("../../a/dist/src").HalfTensor) => typeof import("/n/__cell_3").A')).toBe(
    '(x: HalfTensor) => typeof A',
  );
  expect(withoutPaths(`Module '"../a/dist/src/index"' and '"/b/node_modules/@types/ms/index"'`)).toBe(
    "Module 'kernelbook' and 'ms'",
  );
  expect(withoutPaths('typeof import("/b/node_modules/@mine/core/dist/x") typeof import("node:path")')).toBe(
    'typeof import("@mine/core") typeof import("node:path")',
  );
});

it('errors and hovers of the library', async () => {
  const wrong = await check(engine, 'import { nowhere } from "kernelbook"');
  expect(wrong.ok || wrong.diagnostics[0]!.message).toBe(
    "Module 'kernelbook' has no exported member 'nowhere'.",
  );
  const code = 'import { tf, attention } from "kernelbook"; tf.mat|Mul';
  const { text, html } = engine.inspect(...atCursor(code), 0);
  expect(text).not.toMatch(/import\(|@doc/);
  expect(html).not.toMatch(/`|@doc|import\(/);
});

it('comments as HTML', () => {
  expect(documentationHtml('Adds `a < b`.\n\nMore\nof it.\n```js\nf(1)\n```\n@param a the **first**')).toBe(
    [
      '<p>Adds <code>a &lt; b</code>.</p>',
      '<p>More\nof it.</p>',
      '<pre><code>f(1)</code></pre>',
      '<p><b>@param</b> <code>a</code> the <b>first</b></p>',
    ].join('\n'),
  );
});
