/** Values as outputs: bundles, and the globals of cells. */
import { describe, expect, it } from 'vitest';
import { toBundle } from '../../kernel/evaluator/mime.js';
import { Notebook } from './notebook.js';

describe('bundles', () => {
  it('undefined shows nothing, null does', () => {
    expect(toBundle(undefined)).toBeUndefined();
    expect(toBundle(null)).toEqual({ 'text/plain': 'null' });
  });

  it('honours toMimeBundle, plain or promised, and Jupyter.display', async () => {
    expect(await toBundle({ toMimeBundle: () => ({ 'text/html': '<b>', 'text/plain': 'b' }) })).toEqual({
      'text/html': '<b>',
      'text/plain': 'b',
    });
    const later = { toMimeBundle: async () => ({ 'text/plain': 'later' }) };
    expect(await toBundle(later)).toEqual({ 'text/plain': 'later' });
    const deno = { [Symbol.for('Jupyter.display')]: () => ({ 'text/plain': 'deno' }) };
    expect(await toBundle(deno)).toEqual({ 'text/plain': 'deno' });
  });

  it('adds a text where a bundle has none', async () => {
    const bundle = await toBundle({ kind: 'figure', toMimeBundle: () => ({ 'image/svg+xml': '<svg/>' }) });
    expect(bundle).toMatchObject({
      'image/svg+xml': '<svg/>',
      'text/plain': expect.stringContaining("kind: 'figure'"),
    });
  });

  it('shows elements of a DOM: an <svg> as a picture that stands alone, others as HTML', () => {
    class Element {
      constructor(readonly html: string) {}
      get outerHTML(): string {
        return this.html;
      }
    }
    const bundle = (html: string) => toBundle(new Element(html)) as Record<string, string>;
    expect(bundle('<svg width="1"><g></g></svg>')).toEqual({
      'text/plain': '<svg width="1"><g></g></svg>',
      'image/svg+xml': '<svg xmlns="http://www.w3.org/2000/svg" width="1"><g></g></svg>',
    });
    const whole = '<svg xmlns="http://www.w3.org/2000/svg"><g></g></svg>';
    expect(bundle(whole)['image/svg+xml']).toBe(whole);
    expect(bundle('<svg><use xlink:href="#a"/></svg>')['image/svg+xml']).toBe(
      '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><use xlink:href="#a"/></svg>',
    );
    expect(bundle('<table></table>')).toEqual({
      'text/plain': '<table></table>',
      'text/html': '<table></table>',
    });
    expect(bundle(`<p>${'x'.repeat(5_000)}</p>`)['text/plain']).toHaveLength(1_001);
    expect(toBundle({ outerHTML: 5 })).toEqual({ 'text/plain': '{ outerHTML: 5 }' });
    expect(
      toBundle({
        get outerHTML() {
          throw new Error('no');
        },
      }),
    ).toEqual({ 'text/plain': '{ outerHTML: [Getter] }' });
  });

  it('refuses a bundle that is none', () => {
    expect(() => toBundle({ toMimeBundle: () => 'text' })).toThrow(
      "must be an object of mime types, got 'text'",
    );
  });

  it('sends bytes as base64, leaves out what is undefined, and refuses what JSON cannot hold', async () => {
    expect(
      await toBundle({
        toMimeBundle: () => ({ 'text/plain': 'a', 'image/png': Buffer.from('x'), y: undefined }),
      }),
    ).toEqual({ 'text/plain': 'a', 'image/png': 'eA==' });
    expect(() => toBundle({ toMimeBundle: () => ({ 'application/json': { a: 1n } }) })).toThrow(
      'the data of application/json cannot be sent as JSON',
    );
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    expect(() => toBundle({ toMimeBundle: () => ({ 'application/json': circular }) })).toThrow('JSON');
    expect(() => toBundle({ toMimeBundle: () => ({ 'x/y': () => 1 }) })).toThrow('it is a function');
  });
});

describe('in cells', () => {
  const notebook = new Notebook();

  it('display publishes, with an id and as an update', async () => {
    await notebook.run(
      'await display({ a: 1 }); await display("x", { displayId: "d", update: true, metadata: { m: 1 } })',
    );
    expect(notebook.displayed).toEqual([
      { data: { 'text/plain': '{ a: 1 }' }, metadata: {}, update: false },
      { data: { 'text/plain': "'x'" }, metadata: { m: 1 }, update: true, displayId: 'd' },
    ]);
  });

  it('the library’s display goes the same way', async () => {
    notebook.displayed.length = 0;
    await notebook.run('import { display as show } from "kernelbook"; await show(3)');
    expect(notebook.displayed.map((item) => item.data)).toEqual([{ 'text/plain': '3' }]);
  });

  it('displays that are not awaited appear in order, before the cell ends', async () => {
    notebook.displayed.length = 0;
    const slow =
      '{ toMimeBundle: () => new Promise((done) => setTimeout(done, 30, { "text/plain": "slow" })) }';
    const ids = ['a', 'b'].map((id) => `void display("${id}");`);
    const { text } = await notebook.run(`${ids[0]} void display(${slow}); ${ids[1]} "end"`);
    expect(notebook.displayed.map((item) => item.data['text/plain'])).toEqual(["'a'", 'slow', "'b'"]);
    expect(text).toBe("'end'");
  });

  it('a value may await the display of another in its own bundle', async () => {
    notebook.displayed.length = 0;
    await notebook.run(
      'await display({ async toMimeBundle() { await null; await display(1); return { "text/plain": "outer" } } })',
    );
    expect(notebook.displayed.map((item) => item.data['text/plain'])).toEqual(['outer', '1']);
  });

  it('display.html and the others name the mime type; display.image looks at the bytes', async () => {
    notebook.displayed.length = 0;
    await notebook.run(`
      display.html('<b>x</b>');
      display.markdown('*x*', { displayId: 'm' });
      display.latex('$x$');
      display.svg('<svg/>');
      await display.image(Buffer.from('GIF89a'));`);
    expect(notebook.displayed.map((item) => item.data)).toEqual([
      { 'text/plain': '<b>x</b>', 'text/html': '<b>x</b>' },
      { 'text/plain': '*x*', 'text/markdown': '*x*' },
      { 'text/plain': '$x$', 'text/latex': '$x$' },
      { 'text/plain': 'SVG image', 'image/svg+xml': '<svg/>' },
      { 'text/plain': 'image/gif, 6 bytes', 'image/gif': Buffer.from('GIF89a').toString('base64') },
    ]);
    expect(notebook.displayed[1]).toMatchObject({ displayId: 'm' });
    expect((await notebook.run('await display.image(new Uint8Array([1, 2]))')).error).toMatch(
      /TypeError: display.image: these 2 bytes, 0102…, are no PNG/,
    );
  });

  it('input asks the front end', async () => {
    expect(await notebook.texts('await input("name? ")', 'await input("pin? ", { password: true })')).toEqual(
      ["'name? |false'", "'pin? |true'"],
    );
  });

  it('a tensor as result is read and shown; inside other values it is named', async () => {
    expect(
      await notebook.texts(
        'import * as tf from "@tensorflow/tfjs"; await tf.setBackend("cpu"); const t = tf.tensor2d([[1, 2], [3, 4]]); t',
        '({ t })',
      ),
    ).toEqual(['Tensor float32 [2, 2]\n[[1, 2],\n [3, 4]]', '{ t: Tensor float32 [2, 2] }']);
  });

  it('an error thrown by a value’s own bundle is the cell’s error', async () => {
    expect((await notebook.run('({ toMimeBundle() { throw new Error("no picture") } })')).error).toBe(
      'Error: no picture',
    );
    expect((await notebook.run('({ async toMimeBundle() { throw new Error("later") } })')).error).toBe(
      'Error: later',
    );
  });

  it('a proxy that answers nothing is a value like any other', async () => {
    expect(await notebook.texts('new Proxy({ a: 1 }, { get() { throw new Error("trap") } })')).toEqual([
      '{ a: 1 }',
    ]);
  });
});
