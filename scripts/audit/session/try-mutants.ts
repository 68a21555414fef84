/** Tries the mutants of a notebook's cells: each must make a check of its cell, or of one that depends on it, fail. */
import { verifyMimeType } from '../../../src/workbench/verify/verification.js';
import type { CodeCell } from '../../notebook/format.js';
import { cellRecords } from '../../notebook/verifications.js';
import type { Failure } from '../../run/result.js';
import type { AuditedCell, Mutation } from '../cells/cell.js';
import { checks, Dependencies } from '../cells/dependencies.js';
import { applied } from '../mutants/edit.js';
import { drawn } from '../mutants/sample.js';
import { isParameters } from '../rules/claims.js';
import {
  CellSession,
  type Outcome,
  original,
  type SessionSetting,
  secondsOf,
  type Version,
} from './cell-session.js';

export type Fate =
  /** A check failed, or an error was raised that no reader could overlook. */
  | 'caught'
  | 'error'
  /** It went on for ever, or waited for what never comes. */
  | 'no end'
  /** Every check passed, and a value that one of them compared is another one: the bound is too wide for it. */
  | 'within bounds'
  /** Every check passed, and none compared what has changed, although the notebook shows other values. */
  | 'unseen'
  /** Every check passed, and nothing that the notebook shows has changed: perhaps it is the same computation. */
  | 'no effect';

export interface TriedMutant {
  cell: { number: number; id: string };
  line: number;
  mutation: Mutation;
  fate: Fate;
  /** The cell and the check or error that caught it. */
  caughtBy: { cell: number; what: string } | undefined;
}

export interface MutantResults {
  tried: TriedMutant[];
  /** Cells that have mutants of which none was tried, and why. */
  untried: { cell: { number: number; id: string }; reason: string }[];
}

export interface MutantOptions {
  /** How many of each cell. */
  most: number;
  seed: number;
  /** Cells that took longer when the notebook was executed are not run for a mutant. */
  longest: number;
  /** Told after each cell, with how many of how many are done. */
  onCell: (done: number, total: number) => void;
}

export const survives = ({ fate }: TriedMutant): boolean =>
  fate === 'within bounds' || fate === 'unseen' || fate === 'no effect';

export async function tryMutants(
  cells: readonly AuditedCell[],
  setting: SessionSetting,
  options: MutantOptions,
): Promise<MutantResults> {
  const dependencies = new Dependencies(cells);
  const session = new CellSession(cells, dependencies, setting);
  const trial = new Trial(session, options);
  try {
    const mutable = [...cells.keys()].filter(
      (n) => cells[n]!.analysis.mutations.length > 0 && !isParameters(cells[n]!),
    );
    for (const [done, n] of mutable.entries()) {
      if (setting.signal.aborted) break;
      await trial.cell(n);
      options.onCell(done + 1, mutable.length);
    }
    return trial.results;
  } finally {
    await session.close();
  }
}

/** What is no program is no mistake that a reader could run; types refuse others. */
const noProgram = new Set(['SyntaxError', 'IndentationError']);

class Trial {
  readonly results: MutantResults = { tried: [], untried: [] };
  /** What the cells show as they stand, run a second time in the same kernel. */
  readonly #shown = new Map<number, Shown>();
  /** Cells that fail when they run again as they stand: they say nothing of a mutant. */
  readonly #unrepeatable = new Set<number>();
  #count = 0;

  constructor(
    readonly session: CellSession,
    readonly options: MutantOptions,
  ) {}

  async cell(n: number): Promise<void> {
    const cell = this.session.cells[n]!;
    const { id, number, analysis } = cell;
    const place = { number, id };
    const affected = this.session.dependencies.dependents(n);
    const { targets, reason } = this.#targets(n, affected);
    if (targets.length === 0) {
      this.results.untried.push({ cell: place, reason });
      return;
    }
    let count = 0;
    let refused = 0;
    for (const mutation of drawn(analysis.mutations, this.options.seed, id)) {
      const isControl = mutation.kind === 'right for wrong';
      if (!isControl && count >= this.options.most) break;
      const source = applied(cell.cell.source, mutation);
      const version: Version = { stamp: `mutant ${++this.#count}`, changed: { cell: n, source }, affected };
      const verdict = await this.#try(isControl ? [n] : targets, version);
      if (this.session.setting.signal.aborted) return;
      if (verdict === 'unrepeatable') break;
      if (verdict === 'refused') {
        if (++refused > 4 * this.options.most + 8) break;
        continue;
      }
      if (!isControl) count++;
      const line = cell.cell.source.slice(0, mutation.start).split('\n').length;
      this.results.tried.push({ cell: place, line, mutation, ...verdict });
    }
    if (count === 0)
      this.results.untried.push({
        cell: place,
        reason: 'as it stands, no check of it passes when it is run again',
      });
  }

  /** The cells that tell, in an order that asks the quickest first; none where no check can be run. */
  #targets(n: number, affected: ReadonlySet<number>): { targets: number[]; reason: string } {
    const { cells, dependencies } = this.session;
    const isLong = (one: number) => secondsOf(cells[one]!.cell) > this.options.longest;
    const all = [...affected].filter((one) => checks(cells[one]!));
    if (checks(cells[n]!)) all.unshift(n);
    if (all.length === 0) return { targets: [], reason: 'no check depends on it' };
    const way = (target: number) => [
      target,
      ...[...dependencies.sources(target)].filter((one) => one === n || affected.has(one)),
    ];
    const able = all.filter((one) => !way(one).some((step) => isLong(step) || this.#unrepeatable.has(step)));
    if (able.length === 0 || isLong(n))
      return {
        targets: [],
        reason: `its checks take more than ${this.options.longest} s, or cannot be run twice`,
      };
    const cost = (target: number) => way(target).reduce((sum, one) => sum + secondsOf(cells[one]!.cell), 0);
    const byCost = able.map((one) => ({ one, cost: cost(one) })).sort((a, b) => a.cost - b.cost);
    const ordered = byCost.map(({ one }) => one).filter((one) => one !== n);
    return { targets: [n, ...ordered], reason: '' };
  }

  async #try(
    targets: readonly number[],
    version: Version,
  ): Promise<Pick<TriedMutant, 'fate' | 'caughtBy'> | 'refused' | 'unrepeatable'> {
    const seen = new Map<number, Shown>();
    for (const target of targets) {
      if (this.#unrepeatable.has(target)) continue;
      const outcome = await this.session.run(target, version);
      const { failure } = outcome;
      if (!failure) {
        seen.set(target, shownBy(outcome.executed));
        continue;
      }
      if (failure.verdict === 'type error' || noProgram.has(failure.ename)) return 'refused';
      if (!(await this.#isRepeatable(outcome))) {
        if (outcome.cell === version.changed!.cell) return 'unrepeatable';
        continue;
      }
      return {
        fate: fateOf(failure),
        caughtBy: { cell: this.session.cells[outcome.cell]!.number, what: saidOf(failure) },
      };
    }
    // Where no check could say anything, nothing is known of the mutant.
    if (![...seen.keys()].some((target) => checks(this.session.cells[target]!))) return 'unrepeatable';
    return { fate: await this.#fateOfSurvivor(seen), caughtBy: undefined };
  }

  /** Whether the cell that failed under a change passes without it. */
  async #isRepeatable({ cell }: Outcome): Promise<boolean> {
    if (this.#unrepeatable.has(cell)) return false;
    return (await this.#shownAsItStands(cell)) !== undefined;
  }

  async #shownAsItStands(cell: number): Promise<Shown | undefined> {
    const known = this.#shown.get(cell);
    if (known) return known;
    let outcome = await this.session.run(cell, original);
    if (outcome.failure && !this.session.setting.signal.aborted) {
      await this.session.restart();
      outcome = await this.session.run(cell, original);
    }
    if (outcome.failure) {
      this.#unrepeatable.add(outcome.cell).add(cell);
      return undefined;
    }
    const shown = shownBy(outcome.executed);
    this.#shown.set(cell, shown);
    return shown;
  }

  async #fateOfSurvivor(seen: ReadonlyMap<number, Shown>): Promise<Fate> {
    let fate: Fate = 'no effect';
    for (const [cell, shown] of seen) {
      const before = await this.#shownAsItStands(cell);
      if (!before) continue;
      if (before.checks !== shown.checks) return 'within bounds';
      if (before.rest !== shown.rest) fate = 'unseen';
    }
    return fate;
  }
}

interface Shown {
  checks: string;
  rest: string;
}

function shownBy(cell: CodeCell): Shown {
  const rest = cell.outputs.map((output) => {
    if (output.output_type === 'stream') return output.text;
    if (!('data' in output)) return '';
    const isRecord = Object.keys(output.data).some((mime) => mime.startsWith('application/vnd.kernelbook.'));
    return isRecord ? '' : (output.data['application/vnd.plotly.v1+json'] ?? output.data['text/plain']);
  });
  return { checks: JSON.stringify(cellRecords(cell, verifyMimeType)), rest: JSON.stringify(rest) };
}

function fateOf({ verdict }: Failure): Fate {
  if (verdict === 'assertion') return 'caught';
  return verdict === 'timeout' ? 'no end' : 'error';
}

function saidOf({ ename, evalue }: Failure): string {
  return `${ename}: ${evalue}`.split('\n')[0]!;
}
