/** What a training run has told so far: one record per step, and the throughput that follows from them. */
import { flopsUtilization } from '../../training/metrics/utilization.js';

/** What a step tells. Numbers of other names, such as a gradient norm, are kept and written too. */
export interface MonitoredStep {
  /** Nats per token, before the step. */
  loss: number;
  learningRate?: number;
  /** Tokens that the step was trained on. */
  tokens?: number;
  [measured: string]: number | undefined;
}

export interface TrainingRecord extends MonitoredStep {
  /** Counted from 1. */
  step: number;
  /** Since the monitor was made. */
  seconds: number;
  /** Over the last steps; present from the second step on, where tokens are told. */
  tokensPerSecond?: number;
  /** Share of the peak, where FLOPs per token and peak are known. */
  utilization?: number;
  /** Live bytes of all tensors. */
  bytes: number;
}

/** Steps that the throughput is taken over: the first compile kernels, and single steps vary. */
const recent = 10;

export interface Rates {
  flopsPerToken?: number;
  peakFlopsPerSecond?: number;
}

export class TrainingLog {
  readonly records: TrainingRecord[] = [];

  constructor(private readonly rates: Rates) {}

  add(step: MonitoredStep, seconds: number, bytes: number): TrainingRecord {
    const record: TrainingRecord = { step: this.records.length + 1, ...step, seconds, bytes };
    this.records.push(record);
    const tokensPerSecond = this.throughput();
    if (tokensPerSecond === undefined) return record;
    record.tokensPerSecond = tokensPerSecond;
    const { flopsPerToken, peakFlopsPerSecond } = this.rates;
    if (flopsPerToken !== undefined && peakFlopsPerSecond !== undefined) {
      record.utilization = flopsUtilization(flopsPerToken, { tokensPerSecond, peakFlopsPerSecond });
    }
    return record;
  }

  private throughput(): number | undefined {
    const last = this.records.slice(-recent - 1);
    const seconds = last.at(-1)!.seconds - last[0]!.seconds;
    // A record is made at the end of its step: the tokens of the first are not in the time.
    const tokens = last.slice(1).map(({ tokens: own }) => own);
    if (!(seconds > 0) || tokens.includes(undefined)) return undefined;
    return tokens.reduce<number>((sum, own) => sum + own!, 0) / seconds;
  }
}
