/** Slips in the metadata under `kernelbook`: told before they are without effect. */
import { expect, it } from 'vitest';
import type { CodeCell, Notebook } from '../../scripts/notebook/format.js';
import { ownMetadataFault } from '../../scripts/notebook/own-metadata.js';

function notebook(ofNotebook: unknown, ofCell?: unknown): Notebook {
  const cell: CodeCell = {
    cell_type: 'code',
    id: 'a',
    metadata: ofCell === undefined ? {} : { kernelbook: ofCell },
    source: '',
    execution_count: null,
    outputs: [],
  };
  const metadata = ofNotebook === undefined ? {} : { kernelbook: ofNotebook };
  return { nbformat: 4, nbformat_minor: 5, metadata, cells: [cell] };
}

it.each<[unknown, unknown, string | undefined]>([
  [
    { require: ['webgpu'] },
    undefined,
    'the notebook: there is no kernelbook.require, did you mean requires?',
  ],
  [
    { 'max-second': 1 },
    undefined,
    'the notebook: there is no kernelbook.max-second, did you mean max-seconds?',
  ],
  [undefined, { timout: 5 }, 'cell "a": there is no kernelbook.timout, did you mean timeout?'],
  [undefined, { requires: ['gpu'] }, 'cell "a": kernelbook.requires is for the metadata of the notebook'],
  [{ timeout: 5 }, undefined, 'the notebook: kernelbook.timeout is for the metadata of the cell'],
  ['webgpu', undefined, 'the notebook: metadata kernelbook is "webgpu"; it must be an object'],
  [
    { requires: [], golden: {}, cache: false, commit: 'x', passed: 'x' },
    { errata: [], ledger: [], skipped: '' },
    undefined,
  ],
  [{ course: 'somebody’s own' }, { author: 1 }, undefined],
])('%j, %j', (ofNotebook, ofCell, fault) => {
  expect(ownMetadataFault(notebook(ofNotebook, ofCell))).toBe(fault);
});
