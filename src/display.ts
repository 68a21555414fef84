/**
 * How a value shows itself in a notebook. An object with `toMimeBundle()` (or the method
 * `Symbol.for('Jupyter.display')`) is shown by that bundle; everything else by inspection.
 * The kernel registers a publisher under `publisherKey`; outside a kernel `display` prints text.
 */

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
export const displayKey = Symbol.for('Jupyter.display');

export function isDisplayable(value: unknown): value is Displayable {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<Displayable>).toMimeBundle === 'function'
  );
}

/** Shows a value as an output of the current cell; outside a kernel, prints its `text/plain` form. */
export async function display(value: unknown, options?: DisplayOptions): Promise<void> {
  const publish = (globalThis as Record<symbol, unknown>)[publisherKey] as Publisher | undefined;
  if (publish) {
    await publish(value, options);
    return;
  }
  const bundle = isDisplayable(value) ? await value.toMimeBundle() : { 'text/plain': value };
  console.log(bundle['text/plain'] ?? bundle);
}
