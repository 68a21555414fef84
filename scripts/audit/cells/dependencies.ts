/** Which cell gives another one its names, so that only what depends on a change is run again. */
import { verifyMimeType } from '../../../src/workbench/verify/bundle.js';
import { cellRecords } from '../../notebook/verifications.js';
import type { AuditedCell } from './cell.js';

export class Dependencies {
  /** Of each cell: the names it takes from others, and the cell that gave each of them last before it. */
  readonly providers: readonly ReadonlyMap<string, number>[];

  constructor(readonly cells: readonly AuditedCell[]) {
    const last = new Map<string, number>();
    this.providers = cells.map(({ analysis }, n) => {
      const own = new Map<string, number>();
      for (const name of analysis.reads) {
        const provider = last.get(name);
        if (provider !== undefined) own.set(name, provider);
      }
      for (const name of analysis.writes) last.set(name, n);
      return own;
    });
  }

  /** The cells that depend on a cell, directly or through others, in order. */
  dependents(of: number): Set<number> {
    const found = new Set<number>();
    for (let n = of + 1; n < this.cells.length; n++)
      if ([...this.providers[n]!.values()].some((one) => one === of || found.has(one))) found.add(n);
    return found;
  }

  /** The cells that a cell depends on, directly or through others. */
  sources(of: number, found = new Set<number>()): Set<number> {
    for (const one of this.providers[of]!.values())
      if (!found.has(one)) {
        found.add(one);
        this.sources(one, found);
      }
    return found;
  }
}

/** Whether a cell checks something when it runs: it did so when the notebook was executed, or its source says so. */
export function checks({ cell, analysis }: AuditedCell): boolean {
  return cellRecords(cell, verifyMimeType).length > 0 || analysis.checks.length > 0;
}

/** The cells that check, and those that one of them depends on. */
export function checkedFrom(cells: readonly AuditedCell[], dependencies: Dependencies): Set<number> {
  const found = new Set<number>();
  for (const [n, cell] of cells.entries())
    if (checks(cell)) {
      found.add(n);
      dependencies.sources(n, found);
    }
  return found;
}
