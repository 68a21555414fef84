/**
 * Shows a training run while it runs: in a notebook a curve that is drawn anew while the cell trains and stays in its last
 * form (in a guide too), in a terminal one line that is written over; and as JSON lines in a file, one per step.
 */
import { randomUUID } from 'node:crypto';
import { appendFileSync, writeFileSync } from 'node:fs';
import { tf } from '../../compute/tf.js';
import { currentCell, type Displayable, display, type MimeBundle } from '../../display/display.js';
import { formatNumber, formatPercent, formatQuantity, jsonNumber } from '../../display/format.js';
import type { Figure } from '../plot/figure.js';
import { plot } from '../plot/plot.js';
import { stillHtml } from '../plot/still.js';
import { type MonitoredStep, type Rates, TrainingLog, type TrainingRecord } from './training-log.js';

/** Where the progress line goes. */
export interface Terminal {
  isTTY?: boolean;
  write(text: string): unknown;
}

export interface MonitorOptions extends Rates {
  /** Default 'Training'. */
  title?: string;
  /** All steps of the run, to tell how far it is. */
  steps?: number;
  /** A file that gets a JSON object per step; one that exists is begun anew. */
  file?: string;
  /** Least time between two pictures, in milliseconds. Default 500. */
  everyMs?: number;
  /** Outside a notebook. Default standard error; a line that is written over needs a terminal. */
  terminal?: Terminal;
  /** Milliseconds. Default the time of day. */
  clock?: () => number;
}

/** Points of a curve; longer runs are shown as means of neighbours. */
const mostPoints = 400;

export class TrainingMonitor implements Displayable {
  private readonly log: TrainingLog;
  private readonly clock: () => number;
  private readonly began: number;
  private readonly displayId = `kernelbook-training-${randomUUID()}`;
  private shownAt = Number.NEGATIVE_INFINITY;
  private shown = false;

  constructor(private readonly options: MonitorOptions = {}) {
    this.log = new TrainingLog(options);
    this.clock = options.clock ?? Date.now;
    this.began = this.clock();
    if (options.file !== undefined) writeFileSync(options.file, '');
  }

  /** One per step, in order. */
  get records(): readonly TrainingRecord[] {
    return this.log.records;
  }

  /**
   * Call it after every step. What is not finite (a loss that diverged) is a gap in the curve and 'NaN' or 'Infinity' in the file.
   * @returns the record with time, throughput and memory
   */
  record(step: MonitoredStep): TrainingRecord {
    const now = this.clock();
    const record = this.log.add(step, (now - this.began) / 1000, tf.memory().numBytes);
    const { file, everyMs = 500 } = this.options;
    if (file !== undefined) appendFileSync(file, `${jsonLine(record)}\n`);
    if (now - this.shownAt >= everyMs) {
      this.shownAt = now;
      this.show(false);
    }
    return record;
  }

  /** Shows the last state, in a notebook as an interactive figure. Call it at the end; settles when it is shown. */
  async finish(): Promise<void> {
    await this.show(true);
  }

  /** The newest record in words. */
  line(): string {
    const { steps } = this.options;
    const last = this.log.records.at(-1);
    if (!last) return 'no steps yet';
    const { step, loss, learningRate, tokensPerSecond, utilization, bytes } = last;
    return [
      `step ${step}${steps === undefined ? '' : ` of ${steps}`}`,
      `loss ${formatNumber(loss)}`,
      learningRate === undefined ? '' : `learning rate ${formatNumber(learningRate)}`,
      tokensPerSecond === undefined ? '' : formatQuantity(tokensPerSecond, 'tokens/s'),
      utilization === undefined ? '' : `${formatPercent(utilization)} of peak`,
      formatQuantity(bytes, 'B'),
    ]
      .filter(Boolean)
      .join(', ');
  }

  /** A curve of what the steps told. @throws RangeError when no step told it. */
  figure(what = 'loss'): Figure {
    const told = this.log.records.filter((record) => record[what] !== undefined);
    if (told.length === 0 && what !== 'loss') {
      throw new RangeError(`TrainingMonitor: no step told '${what}'`);
    }
    const { x, y } = thinned(told, what);
    const { title = 'Training' } = this.options;
    return plot.line(
      { x, y, name: what },
      {
        title: what === 'loss' ? title : `${title}: ${what}`,
        subtitle: this.line(),
        xLabel: 'step',
        yLabel: what,
        height: 320,
      },
    );
  }

  toMimeBundle(): MimeBundle {
    return this.figure().toMimeBundle();
  }

  private show(last: boolean): Promise<void> | undefined {
    const cell = currentCell();
    if (!cell) return this.print(last);
    cell.shown(this);
    const update = this.shown;
    this.shown = true;
    const picture = last ? this : { toMimeBundle: () => this.still() };
    const shown = display(picture, { displayId: this.displayId, update });
    // A step does not wait for its picture; the cell does, at its end.
    if (!last) shown.catch(() => {});
    return last ? shown : undefined;
  }

  /** While it runs: the drawing alone, without the data and scripts of an interactive figure. */
  private still(): MimeBundle {
    const svg = this.figure().toSvg();
    const line = this.line();
    return { 'text/plain': line, 'text/html': stillHtml(svg, line), 'image/svg+xml': svg };
  }

  private print(last: boolean): undefined {
    const { terminal = process.stderr } = this.options;
    if (terminal.isTTY) terminal.write(`\r\u001b[K${this.line()}${last ? '\n' : ''}`);
    else if (last) terminal.write(`${this.line()}\n`);
    return undefined;
  }
}

function jsonLine(record: TrainingRecord): string {
  return JSON.stringify(record, (_name, value) => (typeof value === 'number' ? jsonNumber(value) : value));
}

/** At most `mostPoints`: the means of as many neighbours as it takes, each at its last step. */
function thinned(records: readonly TrainingRecord[], what: string): { x: number[]; y: number[] } {
  const size = Math.max(1, Math.ceil(records.length / mostPoints));
  const [x, y]: [number[], number[]] = [[], []];
  for (let from = 0; from < records.length; from += size) {
    const part = records.slice(from, from + size);
    x.push(part.at(-1)!.step);
    y.push(part.reduce((sum, record) => sum + record[what]!, 0) / part.length);
  }
  return { x, y };
}
