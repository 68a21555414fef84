/**
 * The run record papermill keeps in notebook metadata, so that papermill, nbconvert and JupyterLab show our runs
 * as they show its own: status, times and exception per cell and for the whole notebook.
 */
import type { Cell, Notebook } from '../notebook/format.js';

export type CellStatus = 'pending' | 'running' | 'completed' | 'failed';

interface CellRecord {
  exception: boolean | null;
  start_time: string | null;
  end_time: string | null;
  duration: number | null;
  status: CellStatus;
}

/** Papermill marks a failed run by extra cells with this tag; a new run takes them out. */
const errorMarkerTag = 'papermill-error-cell-tag';

/** A copy of the notebook as it stands before its first cell: no outputs, every cell pending. */
export function prepareNotebook(
  notebook: Notebook,
  record: { input: string; output: string; parameters: Record<string, unknown>; version: string },
): Notebook {
  const cells = structuredClone(notebook.cells).filter(
    (cell) => !cell.metadata.tags?.includes(errorMarkerTag),
  );
  for (const cell of cells) {
    const pending: CellRecord = {
      exception: null,
      start_time: null,
      end_time: null,
      duration: null,
      status: 'pending',
    };
    cell.metadata = { ...cell.metadata, tags: cell.metadata.tags ?? [], papermill: pending };
    // JupyterLab's record of an interactive run says nothing about this one.
    delete cell.metadata.execution;
    if (cell.cell_type === 'code') {
      cell.execution_count = null;
      cell.outputs = [];
    }
  }
  const papermill = {
    default_parameters: {},
    environment_variables: {},
    input_path: record.input,
    output_path: record.output,
    parameters: record.parameters,
    version: record.version,
    start_time: new Date().toISOString(),
    end_time: null,
    duration: null,
    exception: null,
  };
  // Widgets belong to the outputs they were shown in.
  const { widgets: _widgets, ...metadata } = structuredClone(notebook.metadata);
  return { ...notebook, metadata: { ...metadata, papermill }, cells };
}

export function cellStarted(cell: Cell): void {
  cell.metadata.papermill = {
    exception: false,
    start_time: new Date().toISOString(),
    end_time: null,
    duration: null,
    status: 'running',
  } satisfies CellRecord;
}

export function cellEnded(cell: Cell, failed: boolean): void {
  const { start_time } = cell.metadata.papermill as CellRecord;
  const now = new Date();
  cell.metadata.papermill = {
    exception: failed,
    start_time,
    end_time: now.toISOString(),
    duration: start_time === null ? null : seconds(start_time, now),
    status: failed ? 'failed' : 'completed',
  } satisfies CellRecord;
}

export function notebookEnded(notebook: Notebook, failed: boolean): void {
  const papermill = notebook.metadata.papermill as { start_time: string };
  const now = new Date();
  notebook.metadata.papermill = {
    ...papermill,
    end_time: now.toISOString(),
    duration: seconds(papermill.start_time, now),
    exception: failed ? true : null,
  };
}

function seconds(start: string, end: Date): number {
  return (end.getTime() - Date.parse(start)) / 1000;
}
