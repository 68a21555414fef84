/** Notebooks that try the text form, and jupytext beside ours. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Notebook } from '../../scripts/notebook/format.js';
import { parseNotebook } from '../../scripts/notebook/read.js';

export interface SketchedCell {
  type?: 'code' | 'markdown' | 'raw';
  id?: string;
  metadata?: Record<string, unknown>;
  source: string;
  attachments?: Record<string, unknown>;
  outputs?: unknown[];
  count?: number;
}

export const kernelspec = {
  name: 'kernelbook',
  display_name: 'TypeScript (kernelbook)',
  language: 'typescript',
};

export function sketch(cells: SketchedCell[], metadata: Record<string, unknown> = { kernelspec }): Notebook {
  const full = cells.map(
    ({ type = 'code', id, source, metadata: own = {}, attachments, outputs, count }) => ({
      cell_type: type,
      ...(id === undefined ? {} : { id }),
      metadata: own,
      source,
      ...(attachments ? { attachments } : {}),
      ...(type === 'code' ? { outputs: outputs ?? [], execution_count: count ?? null } : {}),
    }),
  );
  return parseNotebook(JSON.stringify({ nbformat: 4, nbformat_minor: 4, metadata, cells: full }));
}

const python = fileURLToPath(new URL('../../.venv/bin/python', import.meta.url));

/** What `body` prints as JSON; it finds the argument in `given`, and the modules json, jupytext and nbformat. */
export function jupytext(body: string, given: unknown): unknown {
  const script = `import json, sys, jupytext, nbformat\ngiven = json.load(sys.stdin)\nprint(json.dumps(${body}))`;
  const printed = execFileSync(python, ['-c', script], { input: JSON.stringify(given), encoding: 'utf8' });
  return JSON.parse(printed) as unknown;
}
