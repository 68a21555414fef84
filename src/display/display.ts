/**
 * How a value shows itself in a notebook. An object with `toMimeBundle()` (or the method
 * `Symbol.for('Jupyter.display')`) is shown by that bundle; everything else by inspection. `display.html` and its like are for
 * text and bytes that mean something to the page.
 * The kernel registers a publisher under `publisherKey`; outside a kernel `display` prints text.
 */

import { sniffImage } from './image.js';

/** One representation per mime type, e.g. `{'text/plain': 'x', 'text/html': '<b>x</b>'}`. */
export type MimeBundle = Record<string, unknown>;

export interface Displayable {
  toMimeBundle(): MimeBundle | Promise<MimeBundle>;
}

export interface DisplayOptions {
  /** Names the output so that a later call with `update: true` replaces it. */
  displayId?: string;
  /** Replace what was shown under `displayId` instead of adding an output. */
  update?: boolean;
  metadata?: Record<string, unknown>;
}

/** What the kernel installs on `globalThis[publisherKey]`. */
export type Publisher = (value: unknown, options?: DisplayOptions) => void | Promise<void>;

export const publisherKey = Symbol.for('kernelbook.publisher');
/** One execution of a cell, as the kernel tells it; after `clearOutput` a cell counts as another one. */
export interface CurrentCell {
  /** The value has been shown, in some form: as the value of the cell it is not shown again. */
  shown(value: object): void;
}

/** Where the kernel installs a function that tells the `CurrentCell`, undefined where none is running. */
export const currentCellKey = Symbol.for('kernelbook.currentCell');

/** The cell whose code is running; undefined outside a kernel. */
export function currentCell(): CurrentCell | undefined {
  const tell = (globalThis as Record<symbol, unknown>)[currentCellKey] as
    | (() => CurrentCell | undefined)
    | undefined;
  return tell?.();
}

export const displayKey = Symbol.for('Jupyter.display');

export function isDisplayable(value: unknown): value is Displayable {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<Displayable>).toMimeBundle === 'function'
  );
}

export interface Display {
  /** Shows a value as an output of the current cell; outside a kernel, prints its `text/plain` form. */
  (value: unknown, options?: DisplayOptions): Promise<void>;
  html(text: string, options?: DisplayOptions): Promise<void>;
  markdown(text: string, options?: DisplayOptions): Promise<void>;
  /** A formula with its delimiters: `$…$` or `$$…$$`. */
  latex(text: string, options?: DisplayOptions): Promise<void>;
  svg(text: string, options?: DisplayOptions): Promise<void>;
  /** The bytes of a PNG, JPEG, GIF or WebP file. */
  image(bytes: Uint8Array | ArrayBuffer, options?: DisplayOptions): Promise<void>;
}

async function show(value: unknown, options?: DisplayOptions): Promise<void> {
  const publish = (globalThis as Record<symbol, unknown>)[publisherKey] as Publisher | undefined;
  if (publish) {
    await publish(value, options);
    return;
  }
  const bundle = isDisplayable(value) ? await value.toMimeBundle() : { 'text/plain': value };
  console.log(bundle['text/plain'] ?? bundle);
}

const source =
  (mime: string, plain?: string) =>
  (text: string, options?: DisplayOptions): Promise<void> =>
    show({ toMimeBundle: () => ({ 'text/plain': plain ?? String(text), [mime]: String(text) }) }, options);

async function image(data: Uint8Array | ArrayBuffer, options?: DisplayOptions): Promise<void> {
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  const mime = sniffImage(bytes);
  if (mime === undefined) {
    const begin = Buffer.from(bytes.subarray(0, 8)).toString('hex');
    throw new TypeError(
      `display.image: these ${bytes.length} bytes, ${begin}…, are no PNG, JPEG, GIF or WebP image (for SVG there is display.svg)`,
    );
  }
  const bundle = {
    'text/plain': `${mime}, ${bytes.length} bytes`,
    [mime]: Buffer.from(bytes).toString('base64'),
  };
  await show({ toMimeBundle: () => bundle }, options);
}

export const display: Display = Object.assign(show, {
  html: source('text/html'),
  markdown: source('text/markdown'),
  latex: source('text/latex'),
  svg: source('image/svg+xml', 'SVG image'),
  image,
});
