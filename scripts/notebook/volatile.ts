/**
 * What a notebook file holds that is not its content: outputs, counts, and what Jupyter, papermill, front ends and our
 * own runner note about one session or one run. Text forms leave it out and `kernelbook clean` removes it.
 */
import { type Cell, hasTag, isObject, type Notebook } from './format.js';

type Metadata = Record<string, unknown>;

/** Records of one run or of how a front end showed the cell. */
const cellKeys = ['ExecuteTime', 'autoscroll', 'collapsed', 'execution', 'papermill', 'scrolled', 'trusted'];
/** The record of a run, the state of widgets that nothing shows any more, and the stamp of older notebooks. */
const notebookKeys = ['papermill', 'signature', 'widgets'];
/** What our runner notes beside what the author wrote under `kernelbook`. */
export const ownKeys = ['cached', 'commit', 'passed', 'regression', 'skipped'];
/** Papermill marks a failed run by cells of its own, and a parameterised one by the cell it put in. */
const runTags = ['injected-parameters', 'papermill-error-cell-tag'];

/** The notebook without all of this; the argument is not changed. */
export function withoutVolatile(notebook: Notebook): Notebook {
  const cells = notebook.cells
    .filter((cell) => !runTags.some((tag) => hasTag(cell, tag)))
    .map((cell): Cell => {
      const metadata = splitCellMetadata(cell.metadata).lasting;
      return cell.cell_type === 'code'
        ? { ...cell, metadata, execution_count: null, outputs: [] }
        : { ...cell, metadata };
    });
  return { ...notebook, metadata: splitNotebookMetadata(notebook.metadata).lasting, cells };
}

interface Split {
  lasting: Metadata;
  volatile: Metadata;
}

/** The metadata of a cell in two parts, each without what is in the other. */
export function splitCellMetadata(metadata: Metadata): Split {
  return split(metadata, (key, value) => {
    if (cellKeys.includes(key)) return undefined;
    if (key === 'kernelbook' && isObject(value)) return without(value, ownKeys);
    // Most of the rest are JupyterLab's leftovers: how outputs were shown, and properties set to what they are anyway.
    if (key === 'jupyter' && isObject(value)) return without(value, ['outputs_hidden']);
    if (key === 'tags' && Array.isArray(value) && value.length === 0) return undefined;
    if ((key === 'editable' || key === 'deletable') && value === true) return undefined;
    if (key === 'slideshow' && isObject(value) && value.slide_type === '')
      return without(value, ['slide_type']);
    return value;
  });
}

/** The metadata of the notebook, likewise. */
export function splitNotebookMetadata(metadata: Metadata): Split {
  return split(metadata, (key, value) => {
    if (notebookKeys.includes(key)) return undefined;
    if (key === 'language_info' && isObject(value)) return without(value, ['version']);
    if (key === 'kernelbook' && isObject(value)) return without(value, ownKeys);
    return value;
  });
}

/** @param last what lasts of a value: itself, a part of it, or nothing */
function split(metadata: Metadata, last: (key: string, value: unknown) => unknown): Split {
  const result: Split = { lasting: {}, volatile: {} };
  for (const [key, value] of Object.entries(metadata)) {
    const lasting = last(key, value);
    if (lasting !== undefined) result.lasting[key] = lasting;
    if (lasting !== value) result.volatile[key] = isObject(lasting) ? rest(value, lasting) : value;
  }
  return result;
}

/** An object that has nothing left is left out itself. */
function without(value: Metadata, keys: string[]): Metadata | undefined {
  const kept = Object.entries(value).filter(([key]) => !keys.includes(key));
  if (kept.length === Object.keys(value).length) return value;
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

function rest(value: unknown, lasting: Metadata): unknown {
  return isObject(value)
    ? Object.fromEntries(Object.entries(value).filter(([key]) => !(key in lasting)))
    : value;
}
