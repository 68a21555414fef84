/**
 * Learning-rate schedules: what the rate of step 0, 1, 2, ... is multiplied by, with the semantics of Transformers' get_scheduler.
 * All begin with a linear warm-up from 0, whose first step therefore changes nothing.
 */

/** The factor of a step, counted from 0: `optimizer.learningRate = rate * schedule(optimizer.steps)`. */
export type LearningRateSchedule = (step: number) => number;

export interface WarmUp {
  /** Steps over which the factor rises from 0. Default 0. */
  warmUp?: number;
}

export interface BoundedSchedule extends WarmUp {
  /** The step at which the schedule ends. */
  steps: number;
}

/** Falls in a straight line to 0 at the end, and stays there. @throws RangeError when a number of steps is no whole number. */
export function linearSchedule({ steps, warmUp = 0 }: BoundedSchedule): LearningRateSchedule {
  requireSteps('linearSchedule', { steps, warmUp });
  return warmed('linearSchedule', warmUp, (step) =>
    Math.max(0, (steps - step) / Math.max(1, steps - warmUp)),
  );
}

export interface CosineOptions extends BoundedSchedule {
  /** Periods of the cosine: 0.5 (default) falls once, 1.5 falls, rises and falls (Loshchilov & Hutter 2016, arXiv:1608.03983). */
  cycles?: number;
  /** The factor where the cosine is lowest. Default 0. */
  minimum?: number;
}

/** Falls along a cosine; beyond the end it goes on along it. @throws RangeError when an option is out of range. */
export function cosineSchedule({
  steps,
  warmUp = 0,
  cycles = 0.5,
  minimum = 0,
}: CosineOptions): LearningRateSchedule {
  requireSteps('cosineSchedule', { steps, warmUp });
  requireShare('cosineSchedule', { minimum });
  requireFinite('cosineSchedule', { cycles });
  return warmed('cosineSchedule', warmUp, (step) => {
    const wave = fall('cosine', (step - warmUp) / Math.max(1, steps - warmUp), cycles);
    return Math.max(0, wave * (1 - minimum) + minimum);
  });
}

/** How a factor changes from 1 to 0 (or from 0 to 1) over a phase. */
export type PhaseShape = 'linear' | 'cosine' | '1-sqrt';

export interface WarmupStableDecayOptions extends WarmUp {
  /** The end; needed where `stable` is not given. */
  steps?: number;
  /** Steps at the full rate. Default what warm-up and decay leave of `steps`. */
  stable?: number;
  /** Steps of the decay. */
  decay: number;
  /** Default 'linear'. */
  warmUpShape?: PhaseShape;
  /** Default 'cosine'. */
  decayShape?: PhaseShape;
  /** The factor at both ends. Default 0. */
  minimum?: number;
  /** Periods of the decay's cosine. Default 0.5. */
  cycles?: number;
}

/**
 * Warm-up, a plateau, decay (Hu et al. 2024, MiniCPM, arXiv:2404.06395): the plateau can be continued, as no step of it depends on
 * where training ends. @throws RangeError when an option is out of range, or neither `steps` nor `stable` is given.
 */
export function warmupStableDecaySchedule(options: WarmupStableDecayOptions): LearningRateSchedule {
  const caller = 'warmupStableDecaySchedule';
  const { steps, warmUp = 0, decay, minimum = 0, cycles = 0.5 } = options;
  const { warmUpShape = 'linear', decayShape = 'cosine' } = options;
  if (steps === undefined && options.stable === undefined) {
    throw new RangeError(`${caller}: needs steps, or stable, the steps at the full rate`);
  }
  const stable = options.stable ?? steps! - warmUp - decay;
  if (stable < 0) {
    throw new RangeError(
      `${caller}: ${steps} steps are too few for a warm-up of ${warmUp} and a decay of ${decay}`,
    );
  }
  requireSteps(caller, { warmUp, decay, stable, ...(steps !== undefined && { steps }) });
  requireShare(caller, { minimum });
  requireFinite(caller, { cycles });
  requireShape(caller, { warmUpShape, decayShape });
  const raised = (factor: number) => Math.max(0, factor * (1 - minimum) + minimum);
  return (step) => {
    requireSteps(caller, { step });
    // A warm-up is a decay run backwards.
    if (step < warmUp) return raised(fall(warmUpShape, 1 - step / warmUp, 0.5));
    const past = step - warmUp - stable;
    if (past < 0) return 1;
    if (past >= decay) return minimum;
    return raised(fall(decayShape, past / decay, cycles));
  };
}

export interface InverseSqrtOptions extends WarmUp {
  /** The rate falls to 1/2 when 3 of these have passed after the warm-up. Default `warmUp`, or 10,000 without. */
  timescale?: number;
}

/** Falls with the root of the step, without an end (Vaswani et al. 2017, section 5.3). @throws RangeError when an option is out of range. */
export function inverseSqrtSchedule({
  warmUp = 0,
  timescale = warmUp || 10_000,
}: InverseSqrtOptions = {}): LearningRateSchedule {
  requireSteps('inverseSqrtSchedule', { warmUp });
  if (!(timescale > 0 && Number.isFinite(timescale))) {
    throw new RangeError(`inverseSqrtSchedule: timescale must be a positive number, got ${timescale}`);
  }
  return warmed(
    'inverseSqrtSchedule',
    warmUp,
    (step) => 1 / Math.sqrt((step + timescale - warmUp) / timescale),
  );
}

function warmed(caller: string, warmUp: number, after: LearningRateSchedule): LearningRateSchedule {
  return (step) => {
    requireSteps(caller, { step });
    return step < warmUp ? step / warmUp : after(step);
  };
}

/** From 1 at progress 0 to 0 at progress 1. */
function fall(shape: PhaseShape, progress: number, cycles: number): number {
  if (shape === 'linear') return 1 - progress;
  if (shape === '1-sqrt') return 1 - Math.sqrt(progress);
  return 0.5 * (1 + Math.cos(2 * Math.PI * cycles * progress));
}

function requireSteps(caller: string, values: Record<string, number>): void {
  for (const [name, value] of Object.entries(values)) {
    if (Number.isInteger(value) && value >= 0) continue;
    throw new RangeError(`${caller}: ${name} must be a whole number >= 0, got ${value}`);
  }
}

function requireShare(caller: string, values: Record<string, number>): void {
  for (const [name, value] of Object.entries(values)) {
    if (value >= 0 && value <= 1) continue;
    throw new RangeError(`${caller}: ${name} must lie in [0, 1], got ${value}`);
  }
}

function requireFinite(caller: string, values: Record<string, number>): void {
  for (const [name, value] of Object.entries(values)) {
    if (!Number.isFinite(value))
      throw new RangeError(`${caller}: ${name} must be a finite number, got ${value}`);
  }
}

function requireShape(caller: string, shapes: Record<string, PhaseShape>): void {
  for (const [name, shape] of Object.entries(shapes)) {
    if (['linear', 'cosine', '1-sqrt'].includes(shape)) continue;
    throw new RangeError(
      `${caller}: ${name} must be 'linear', 'cosine' or '1-sqrt', got ${JSON.stringify(shape)}`,
    );
  }
}
