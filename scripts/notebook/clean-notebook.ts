/** A notebook as it is committed: without what runs add, and with what a front end would add on opening it. */
import { ownName } from '../../kernel/kernelspec.js';
import { typescriptInfo } from '../../kernel/worker/kernel-info.js';
import type { Notebook } from './format.js';
import { withoutVolatile } from './volatile.js';

/**
 * JupyterLab writes what the kernel says of its language into a notebook as soon as it is open. Where that stands there
 * already, opening a notebook changes nothing. Of another kernel it is not known. The argument is not changed.
 */
export function cleanNotebook(notebook: Notebook): Notebook {
  const clean = withoutVolatile(notebook);
  if (clean.metadata.kernelspec?.name !== ownName) return clean;
  return { ...clean, metadata: { ...clean.metadata, language_info: { ...typescriptInfo } } };
}
