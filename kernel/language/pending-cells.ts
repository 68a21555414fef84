/** Compiled cells that wait for word that they ran. Those that failed are dropped when enough newer ones came. */
import type ts from 'typescript';

const kept = 64;

export class PendingCells {
  readonly #cells = new Map<number, ts.SourceFile>();
  readonly #drop: (cell: ts.SourceFile) => void;
  #next = 1;

  /** @param drop called for each cell that will never be committed */
  constructor(drop: (cell: ts.SourceFile) => void) {
    this.#drop = drop;
  }

  add(cell: ts.SourceFile): number {
    const token = this.#next++;
    this.#cells.set(token, cell);
    if (this.#cells.size > kept) {
      const [oldest, abandoned] = this.#cells.entries().next().value!;
      this.#cells.delete(oldest);
      this.#drop(abandoned);
    }
    return token;
  }

  get(token: number): ts.SourceFile | undefined {
    return this.#cells.get(token);
  }

  take(token: number): ts.SourceFile | undefined {
    const cell = this.#cells.get(token);
    this.#cells.delete(token);
    return cell;
  }

  clear(): void {
    this.#cells.clear();
  }
}
