/**
 * The keys under `kernelbook` in the metadata of notebooks and cells. What is not known may be somebody's own; but a key
 * that nearly is one of ours, or stands at the wrong place, would be without effect in silence.
 */
import { nearest } from '../../kernel/kernelspec.js';
import { isObject, type Notebook } from './format.js';
import { ownKeys } from './volatile.js';

const common = ['golden', 'max-seconds', 'max-memory'];
const settings = {
  notebook: [...common, 'requires', 'cache'],
  cell: [...common, 'timeout', 'expectError', 'ledger', 'errata'],
};

/** What is wrong with the first key that cannot be meant, in one line. */
export function ownMetadataFault(notebook: Notebook): string | undefined {
  const own = faultIn(notebook.metadata, 'notebook');
  if (own !== undefined) return `the notebook: ${own}`;
  for (const cell of notebook.cells) {
    const fault = faultIn(cell.metadata, 'cell');
    if (fault !== undefined) return `cell "${cell.id}": ${fault}`;
  }
  return undefined;
}

function faultIn({ kernelbook }: Record<string, unknown>, place: keyof typeof settings): string | undefined {
  if (kernelbook === undefined) return undefined;
  if (!isObject(kernelbook))
    return `metadata kernelbook is ${JSON.stringify(kernelbook)}; it must be an object`;
  const other = place === 'cell' ? 'notebook' : 'cell';
  for (const key of Object.keys(kernelbook)) {
    if ([...settings[place], ...ownKeys].includes(key)) continue;
    if (settings[other].includes(key)) return `kernelbook.${key} is for the metadata of the ${other}`;
    const near = nearest(key.toLowerCase(), settings[place]);
    if (near !== undefined) return `there is no kernelbook.${key}, did you mean ${near}?`;
  }
  return undefined;
}
