/**
 * Measures kernels side by side: in every round of a measure each kernel has its turn, and the order of the turns
 * changes from round to round, so that a busy moment of the machine does not fall on one kernel alone. A kernel that
 * fails a measure has no figure there, with the reason, and the bench goes on.
 */
import type { Figure, FigureId, Measure } from './measures.js';
import { type Spread, spread } from './statistics.js';
import type { Introduction, Subject } from './subject.js';

/** A figure, or why there is none. */
export type Outcome = Spread | { missing: string };

export interface KernelFigures extends Introduction {
  kernel: string;
  /** How its tensor cells compute. */
  tensors: string;
  figures: Partial<Record<FigureId, Outcome>>;
}

export interface Measured {
  figures: Figure[];
  kernels: KernelFigures[];
}

interface Entry {
  subject: Subject;
  samples: Partial<Record<FigureId, number[]>>;
  missing: Map<Measure, string>;
}

export async function benchKernels(
  subjects: readonly Subject[],
  all: readonly Measure[],
  onProgress: (line: string) => void = () => {},
): Promise<Measured> {
  const entries = subjects.map((subject): Entry => ({ subject, samples: {}, missing: new Map() }));
  try {
    for (const measure of all) await runMeasure(measure, entries, onProgress);
  } finally {
    await Promise.all(subjects.map((subject) => subject.close()));
  }
  return {
    figures: all.flatMap(({ figures }) => figures),
    kernels: entries.map((entry) => summary(entry, all)),
  };
}

async function runMeasure(
  measure: Measure,
  entries: readonly Entry[],
  onProgress: (line: string) => void,
): Promise<void> {
  const turns = measure.warmUp + measure.rounds;
  const title = measure.figures[0]!.title;
  // An idle kernel of an earlier measure would only take memory from the fresh ones.
  if (measure.fresh) for (const { subject } of entries) await subject.close();
  for (let turn = 0; turn < turns; turn++) {
    const counted = turn >= measure.warmUp;
    onProgress(
      `${title}: ${counted ? `round ${turn - measure.warmUp + 1} of ${measure.rounds}` : 'warm-up'}`,
    );
    for (const entry of rotated(entries, turn)) {
      if (entry.missing.has(measure)) continue;
      const { subject, samples } = entry;
      try {
        const got = await measure.turn(subject);
        for (const [id, values] of Object.entries(got) as [FigureId, number[]][])
          if (counted) samples[id] = [...(samples[id] ?? []), ...values];
        if (measure.fresh) await subject.close();
      } catch (error) {
        const reason = (error as Error).message.split('\n')[0]!;
        entry.missing.set(measure, reason);
        onProgress(`${title}: ${subject.spec.name}: ${reason}`);
        // Whatever state it is in, the next measure must not suffer from it.
        await subject.close();
      }
    }
  }
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const start = by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

function summary({ subject, samples, missing }: Entry, all: readonly Measure[]): KernelFigures {
  const figures: Partial<Record<FigureId, Outcome>> = {};
  for (const measure of all) {
    const reason = missing.get(measure);
    for (const { id } of measure.figures)
      figures[id] = reason === undefined ? spread(samples[id] ?? []) : { missing: reason };
  }
  const unknown = { implementation: 'unknown', language: 'unknown', protocol: 'unknown' };
  return {
    kernel: subject.spec.name,
    ...(subject.introduction ?? unknown),
    tensors: subject.dialect.tensors,
    figures,
  };
}
