/** What every rank of `kernelbook parallel run` does: its part of the training of a small Llama on the rhymes. */
import { writeSync } from 'node:fs';
import { type BackendName, useBackend } from '../../src/compute/backend.js';
import type { Communicator, TrafficEvent } from '../../src/parallel/communicator/index.js';
import type { PipelineEvent } from '../../src/parallel/pipeline/index.js';
import { textsOfRanks } from '../../src/parallel/texts-of-ranks.js';
import type { RunOptions } from './run-options.js';
import { prepareTraining } from './training.js';

export interface RankArguments {
  options: RunOptions;
  version: string;
  /** Whether rank 0 prints the loss of each step. */
  tells: boolean;
}

export interface RankResult {
  rank: number;
  losses: number[];
  gradientNorms: number[];
  /** Bytes sent in all steps, by what they are for and by operation. */
  sentBytes: Record<string, Record<string, number>>;
  /** Of a pipeline: chunks of activations kept at most. */
  peakLive?: number;
  /** Of the last step: when actions and operations began and ended, in ms. */
  actions: PipelineEvent[];
  operations: TrafficEvent[];
}

export default async function trainRank(comm: Communicator, args: unknown): Promise<RankResult> {
  const { options, tells } = args as RankArguments;
  await useBackend(options.backend as BackendName);
  const { trainer, model, next } = await prepareTraining(comm, options);
  const result: RankResult = {
    ...{ rank: comm.rank, losses: [], gradientNorms: [], sentBytes: {}, actions: [], operations: [] },
  };
  comm.traffic.reset();
  for (let step = 0; step < options.steps; step++) {
    result.operations = [];
    const before = comm.traffic.events.length;
    const { loss, gradientNorm, measured } = await trainer.step(next());
    result.losses.push(loss);
    result.gradientNorms.push(gradientNorm);
    result.actions = measured?.events ?? [];
    if (measured) result.peakLive = measured.peakLive;
    result.operations = comm.traffic.events.slice(before);
    // At once: what a worker thread gives to console.log may be lost at its end.
    if (tells && comm.rank === 0)
      writeSync(1, `step ${step + 1}  loss ${loss.toFixed(4)}  |gradient| ${gradientNorm.toFixed(4)}\n`);
  }
  await comm.barrier();
  result.sentBytes = sentBytes(comm.traffic.events);
  trainer.dispose();
  model.dispose();
  return result;
}

/** All ranks must call it. @returns what differs between the ranks' arguments, or undefined */
export async function differentStart(
  comm: Communicator,
  { options, version }: RankArguments,
): Promise<string | undefined> {
  const starts = await textsOfRanks(comm, JSON.stringify({ version, options }));
  const other = starts.findIndex((start) => start !== starts[0]);
  if (other < 0) return undefined;
  const [first, second] = [starts[0]!, starts[other]!].map((start) => flat(JSON.parse(start)));
  const differing = Object.keys({ ...first, ...second }).filter((name) => first![name] !== second![name]);
  const text = differing.map(
    (name) => `${name} ${first![name]} on rank 0, ${second![name]} on rank ${other}`,
  );
  return `the ranks were started differently: ${text.join('; ')}; start all of them alike`;
}

function flat({ version, options }: { version: string; options: object }): Record<string, string> {
  const entries = Object.entries({ version, ...options });
  return Object.fromEntries(entries.map(([name, value]) => [name, JSON.stringify(value)]));
}

const kinds = ['data', 'tensor', 'pipeline', 'context', 'expert'];

/** A communicator's name says what it is for: 'world/pipeline 0/tied 1' belongs to the pipeline. */
function sentBytes(events: readonly TrafficEvent[]): RankResult['sentBytes'] {
  const all: RankResult['sentBytes'] = {};
  for (const { communicator, kind, bytes } of events) {
    const [, part = ''] = /^world\/(\w+)/.exec(communicator) ?? [];
    const purpose = kinds.includes(part) ? part : 'whole world';
    const own = all[purpose] ?? {};
    all[purpose] = own;
    own[kind] = (own[kind] ?? 0) + bytes;
  }
  return all;
}
