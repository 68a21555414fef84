/** The index of a sharded checkpoint: which files belong to it, and which model it is of. It is written last: with it a checkpoint is complete. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sameShape } from '../../compute/shapes.js';

export const indexFile = 'index.json';
export const format = 'kernelbook sharded checkpoint';
export const version = 1;

export interface CheckpointIndex {
  format: typeof format;
  version: number;
  /** In the metadata of every file, so that files of two checkpoints are not mixed. */
  id: string;
  steps: number;
  rule: string;
  /** Arrays that the rule keeps for each parameter. */
  slots: number;
  parameters: Record<string, number[]>;
  /** By rank. */
  files: string[];
}

/** A checkpoint cannot be loaded; the message says what to do. */
export class CheckpointError extends Error {
  override name = 'CheckpointError';
}

/** @throws CheckpointError when there is none, or it is not one of this version */
export async function readIndex(folder: string): Promise<CheckpointIndex> {
  const path = join(folder, indexFile);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new CheckpointError(
      `${folder} has no ${indexFile}: no checkpoint was completed there; give the folder that saveCheckpoint was given`,
    );
  });
  let index: CheckpointIndex;
  try {
    index = JSON.parse(text) as CheckpointIndex;
  } catch (error) {
    throw new CheckpointError(`${path} is damaged: ${(error as Error).message}; use another checkpoint`);
  }
  if (index.format !== format)
    throw new CheckpointError(
      `${path} is no index of a ${format}; give the folder that saveCheckpoint was given`,
    );
  if (index.version !== version)
    throw new CheckpointError(
      `${path} has version ${index.version} of the format, this kernelbook reads ${version}: load it with the kernelbook that wrote it`,
    );
  return index;
}

/** @throws CheckpointError when the checkpoint is of another model, or of another optimizer */
export function requireSameTraining(
  folder: string,
  index: CheckpointIndex,
  rule: string,
  parameters: ReadonlyMap<string, readonly number[]>,
): void {
  const other = (problem: string) =>
    new CheckpointError(
      `the checkpoint in ${folder} ${problem}; build the model and the optimizer that were saved`,
    );
  if (index.rule !== rule) throw other(`is of ${index.rule}, not of ${rule}`);
  for (const [name, shape] of parameters) {
    const stored = index.parameters[name];
    if (!stored) throw other(`has no parameter ${name}`);
    if (!sameShape(stored, shape)) throw other(`has ${name} of shape [${stored}], the model has [${shape}]`);
  }
  const more = Object.keys(index.parameters).find((name) => !parameters.has(name));
  if (more !== undefined) throw other(`has a parameter ${more}, which the model has not`);
}
