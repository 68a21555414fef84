/**
 * Routes what the package `tslab` displays to our publisher. The package hands all its output to one function that its
 * own kernel sets, `lastWriteDisplayData` of its module `dist/jupyter.js`; we set it as soon as that module is loaded,
 * whichever copy it is and whoever loads it: a cell, a file of the user's, another package.
 */
import Module from 'node:module';
import { sep } from 'node:path';
import type { DisplayOptions, MimeBundle } from '../../src/display/display.js';

type Write = (bundle: MimeBundle, options: DisplayOptions) => void;

/** What `tslab` calls; `update` is undefined for the first output of a display. */
type TslabWrite = (
  output: { data: MimeBundle; metadata: Record<string, unknown>; transient: { display_id?: string } },
  update: boolean | undefined,
) => void;

type Loader = (module: NodeJS.Module, filename: string) => void;

const outputModule = ['', 'tslab', 'dist', 'jupyter.js'].join(sep);
let write: Write | undefined;

const tslabWrite: TslabWrite = ({ data, metadata, transient }, update = false) => {
  const { display_id: displayId } = transient;
  write?.(data, { metadata, update, ...(displayId === undefined ? {} : { displayId }) });
};

/** @param publish takes the output of every copy of tslab from now on */
export function routeTslab(publish: Write): void {
  const isInstalled = write !== undefined;
  write = publish;
  if (isInstalled) return;
  // Documented as `require.extensions`; the loaders of both `require` and `import` go through it for CommonJS.
  const { _extensions: loaders } = Module as unknown as { _extensions: Record<string, Loader> };
  const load = loaders['.js']!;
  loaders['.js'] = (module, filename) => {
    load(module, filename);
    if (filename.endsWith(outputModule))
      (module.exports as { lastWriteDisplayData: TslabWrite }).lastWriteDisplayData = tslabWrite;
  };
}
