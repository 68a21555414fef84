/** One thing in which a run differs from its golden outputs, and how it is told in a line. */
import { formatNumber } from '../../src/display/format.js';

export interface Difference {
  /** Where in the cell's outputs: `text/plain line 2, column 7`, `application/vnd.plotly.v1+json data[0].y[3]`. */
  place: string;
  /** What the run gave, and what the golden file has; "nothing" where one side has none. */
  actual: string;
  golden: string;
  /** For numbers: how far they are apart, and how far they may be. */
  error?: number;
  allowed?: number;
}

export function describeDifference({ place, actual, golden, error, allowed }: Difference): string {
  const numbers =
    error === undefined || allowed === undefined
      ? ''
      : `, difference ${formatNumber(error)}, tolerance ${formatNumber(allowed)}`;
  return `${place}: ${actual}, golden ${golden}${numbers}`;
}

/** A cell whose outputs are large and all wrong is told by so many. */
const most = 100;

/** Collects differences below a place; `within` descends. */
export class Differences {
  constructor(
    readonly place = '',
    private readonly all: { found: Difference[]; count: number } = { found: [], count: 0 },
  ) {}

  /** The first of them, and how many there are. */
  get found(): Difference[] {
    return this.all.found;
  }

  get count(): number {
    return this.all.count;
  }

  within(part: string): Differences {
    return new Differences(`${this.place}${part}`, this.all);
  }

  number(golden: number, actual: number, allowed: number, at = ''): void {
    const error = Math.abs(actual - golden);
    this.add({ place: this.place + at, actual: String(actual), golden: String(golden), error, allowed });
  }

  other(golden: string, actual: string, at = ''): void {
    this.add({ place: this.place + at, actual, golden });
  }

  private add(difference: Difference): void {
    if (this.all.count++ < most) this.all.found.push(difference);
  }
}

/** What stands for an absent side. */
export const nothing = 'nothing';

/** A value in a message, cut to a readable length. */
export function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length <= 100 ? json : `${json.slice(0, 99)}…`;
}
