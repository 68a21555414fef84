/**
 * The checks of one cell stand in one table: the first one shows it, those after it replace it by a longer one. Where
 * no kernel is (a script in a terminal), each check is a line of its own.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { type CurrentCell, currentCell, type Displayable, display } from '../../display/display.js';
import { checksBundle } from './bundle.js';
import type { VerificationFacts } from './facts.js';

interface Check extends Displayable {
  readonly facts: VerificationFacts;
}

interface CellChecks {
  displayId: string;
  facts: VerificationFacts[];
  /** A longer table is on its way and will hold every check made until then. */
  pending: boolean;
}

const tables = new WeakMap<CurrentCell, CellChecks>();

/** Shows the check; settles when a first one is shown, at once for those that join it. */
export async function showAmongChecks(check: Check): Promise<void> {
  const cell = currentCell();
  if (!cell) {
    await display(check);
    return;
  }
  cell.shown(check);
  const table = tables.get(cell);
  if (!table) {
    const displayId = `kernelbook-checks-${randomUUID()}`;
    tables.set(cell, { displayId, facts: [check.facts], pending: false });
    await display(check, { displayId });
    return;
  }
  table.facts.push(check.facts);
  if (table.pending) return;
  table.pending = true;
  // The cell waits for this at its end. It is not awaited here: a check should not cost the time of a longer table.
  display({ toMimeBundle: () => longer(table) }, { displayId: table.displayId, update: true }).catch(
    () => {},
  );
}

/** Checks from which on updates are spaced in time: each sends the whole table, which would be too much for thousands. */
const many = 32;
const longestWaitMs = 200;

async function longer(table: CellChecks) {
  const { length } = table.facts;
  await (length < many ? nextTurn() : sleep(Math.min(longestWaitMs, length)));
  table.pending = false;
  return checksBundle(table.facts);
}
