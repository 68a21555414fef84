/** Which file name V8 knows a cell by, and the way back from a position in its JavaScript to the user's TypeScript. */
import { join } from 'node:path';
import type { CompiledCell } from '../language/engine.js';
import { mapBack } from './user-module.js';

export interface Position {
  /** 1-based. */
  line: number;
  /** 1-based. */
  column: number;
}

export interface SourcePosition extends Position {
  count: number;
  source: string;
}

/** Enough for every closure of a long session to keep its place in tracebacks. */
const keptCells = 5000;

export class CellRegistry {
  readonly #cells = new Map<string, CompiledCell>();
  #sequence = 0;

  constructor(readonly cwd: string) {}

  /** The name stands in the notebook's folder, because imports resolve from it. */
  add(cell: CompiledCell): string {
    const fileName = join(this.cwd, `__cell_${this.#sequence++}.js`);
    this.#cells.set(fileName, cell);
    if (this.#cells.size > keptCells) this.#cells.delete(this.#cells.keys().next().value!);
    return fileName;
  }

  has(fileName: string): boolean {
    return this.#cells.has(fileName);
  }

  locate(fileName: string, position: Position): SourcePosition | undefined {
    const cell = this.#cells.get(fileName);
    if (!cell) return undefined;
    let { line, column } = position;
    for (const mappings of cell.mappings) ({ line, column } = mapBack(mappings, { line, column }));
    const lines = cell.source.split(/\r?\n/);
    line = Math.min(Math.max(line, 1), lines.length);
    column = Math.min(Math.max(column, 1), lines[line - 1]!.length + 1);
    return { line, column, count: cell.count, source: cell.source };
  }
}
