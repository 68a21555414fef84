/** The notebooks of the bench: empty cells, and real work written for our kernel, for tslab and for python3. */
import { join } from 'node:path';
import { ownName } from '../../../kernel/kernelspec.js';
import { packageRoot } from '../../../kernel/package-root.js';
import type { Notebook } from '../../notebook/format.js';
import { parseNotebook, readNotebook } from '../../notebook/read.js';
import { serializeNotebook } from '../../notebook/serialize.js';
import type { BenchPlace } from './place.js';
import { pythonWork, tslabWork } from './work-sources.js';

export type BenchKernel = typeof ownName | 'python3';

/** Our own as they are: each takes between three and some twenty seconds on a CPU. */
const ownWork: readonly string[] = [
  '01-attention.ipynb',
  '05-normalization.ipynb',
  '07-feed-forward.ipynb',
  '08-gqa-kv-cache.ipynb',
  '09-flash-attention.ipynb',
  '10-linear-attention.ipynb',
];

/** Cells without work: an empty one would not be sent at all. Returns the files. */
export function emptyNotebooks(
  place: BenchPlace,
  kernel: BenchKernel,
  { count, cells }: { count: number; cells: number },
): string[] {
  const sources = Array.from({ length: cells }, (_, i) => String(i));
  return Array.from({ length: count }, (_, i) =>
    place.write(
      `empty/${kernel}-${cells}/${String(i + 1).padStart(3, '0')}.ipynb`,
      serializeNotebook(notebookOf(kernel, sources)),
    ),
  );
}

/** Ten notebooks; those written for tslab name our kernel, because papermill and nbclient start what is named. */
export async function workNotebooks(place: BenchPlace): Promise<string[]> {
  const files: string[] = [];
  const write = (name: string, notebook: Notebook) =>
    files.push(place.write(`work/${name}`, serializeNotebook(notebook)));
  for (const file of ownWork) write(file, await readNotebook(join(packageRoot(), 'notebooks', file)));
  tslabWork.forEach((sources, i) => {
    write(`tslab-${i + 1}.ipynb`, notebookOf(ownName, sources));
  });
  pythonWork.forEach((sources, i) => {
    write(`python-${i + 1}.ipynb`, notebookOf('python3', sources));
  });
  return files;
}

function notebookOf(kernel: BenchKernel, sources: readonly string[]): Notebook {
  const document = {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: {
      kernelspec: {
        name: kernel,
        display_name: kernel,
        language: kernel === 'python3' ? 'python' : 'typescript',
      },
    },
    cells: sources.map((source, i) => ({
      cell_type: 'code',
      id: `cell-${i + 1}`,
      metadata: {},
      source,
      execution_count: null,
      outputs: [],
    })),
  };
  return parseNotebook(JSON.stringify(document));
}
