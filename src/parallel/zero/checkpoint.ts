/**
 * Sharded checkpoints: each rank writes its parts of parameters and optimizer states in a safetensors file of its own; they are read on any number
 * of ranks, in any stage and partition. Files have new names in every save, and the index is renamed into its place
 * at the end: whatever happens while writing, the checkpoint before it stays whole.
 */
import { randomInt } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseSafetensors, type Safetensors } from '../../compute/safetensors.js';
import { safetensorsBytes } from '../../compute/write-safetensors.js';
import {
  CheckpointError,
  type CheckpointIndex,
  format,
  indexFile,
  readIndex,
  requireSameTraining,
  version,
} from './checkpoint-index.js';
import { emptyStatesOf, restoreStates, type StatePiece, statesOf } from './states.js';
import type { Zero } from './zero.js';

/** All ranks call it, between two steps. @param folder made where it is not there; a checkpoint in it is replaced */
export async function saveCheckpoint(folder: string, zero: Zero<never>): Promise<void> {
  const { comm } = zero;
  const [number] = await comm.broadcast(Int32Array.of(randomInt(2 ** 31)));
  const id = `step-${zero.steps}-${number!.toString(16).padStart(8, '0')}`;
  const fileOf = (rank: number) => `${id}-${rank}-of-${comm.size}.safetensors`;
  const pieces = await statesOf(zero);
  await mkdir(folder, { recursive: true });
  await write(join(folder, fileOf(comm.rank)), shardBytes(pieces, id));
  await comm.barrier();
  if (comm.rank === 0) {
    const before = await readIndex(folder).catch(() => undefined);
    const index: CheckpointIndex = {
      format,
      version,
      id,
      steps: zero.steps,
      rule: zero.options.rule.name,
      slots: (pieces[0]?.values.length ?? 1) - 1,
      parameters: Object.fromEntries([...shapesOf(zero)].map(([name, shape]) => [name, [...shape]])),
      files: Array.from({ length: comm.size }, (_, rank) => fileOf(rank)),
    };
    await write(join(folder, indexFile), new TextEncoder().encode(JSON.stringify(index, undefined, 2)));
    for (const file of before?.files ?? []) await rm(join(folder, file), { force: true });
  }
  await comm.barrier();
}

/**
 * All ranks call it; then training goes on as if it had not stopped.
 * @param folder which all of them can read
 * @throws CheckpointError when there is no complete checkpoint of this version, model and optimizer; nothing is changed then
 */
export async function loadCheckpoint(folder: string, zero: Zero<never>): Promise<void> {
  const index = await readIndex(folder);
  requireSameTraining(folder, index, zero.options.rule.name, shapesOf(zero));
  const pieces = emptyStatesOf(zero, index.slots);
  const found = new Map(pieces.map((piece) => [piece, 0]));
  // One file after the other: no rank ever holds the whole model.
  for (const [rank, file] of index.files.entries()) {
    const stored = await readShard(folder, file, rank, index);
    for (const [key, { data }] of stored.tensors) {
      const { n, from, name } = parseKey(key);
      for (const piece of pieces) {
        if (piece.name !== name) continue;
        const copied = copyOverlap(piece, n, from, data as Float32Array);
        found.set(piece, found.get(piece)! + copied);
      }
    }
  }
  for (const piece of pieces) {
    const { name, from, values } = piece;
    if (found.get(piece) === values.length * values[0]!.length) continue;
    throw new CheckpointError(
      `the files of ${index.id} in ${folder} do not have all of ${name}: its numbers ${from} to ${from + values[0]!.length - 1} are wanted; use another checkpoint`,
    );
  }
  await restoreStates(zero, pieces, index.steps);
}

/** A file whose name is there has all its bytes. */
async function write(path: string, bytes: Uint8Array): Promise<void> {
  const partial = `${path}.partial`;
  const file = await open(partial, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partial, path);
}

const keyOf = (n: number, { from, name }: StatePiece) => `${n}@${from}@${name}`;

function parseKey(key: string): { n: number; from: number; name: string } {
  const [n, from, ...name] = key.split('@');
  return { n: Number(n), from: Number(from), name: name.join('@') };
}

function shardBytes(pieces: readonly StatePiece[], id: string): Uint8Array {
  const tensors = pieces.flatMap((piece) =>
    piece.values.map((data, n) => [keyOf(n, piece), { shape: [data.length], data }] as const),
  );
  return safetensorsBytes(new Map(tensors), { id });
}

async function readShard(
  folder: string,
  file: string,
  rank: number,
  index: CheckpointIndex,
): Promise<Safetensors> {
  const path = join(folder, file);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new CheckpointError(
      `${path} is missing, the shard of rank ${rank} of ${index.files.length}: copy it from the machine where that rank ran`,
    );
  });
  const stored = parseSafetensors(bytes, path);
  if (stored.metadata.id !== index.id)
    throw new CheckpointError(
      `${path} is of the checkpoint ${stored.metadata.id}, the index of ${index.id}: copy the shard that rank ${rank} wrote with the index`,
    );
  return stored;
}

/** @returns how many numbers were copied into the piece */
function copyOverlap(
  { from, values }: StatePiece,
  n: number,
  storedFrom: number,
  data: Float32Array,
): number {
  const into = values[n];
  if (!into) return 0;
  const first = Math.max(from, storedFrom);
  const last = Math.min(from + into.length, storedFrom + data.length);
  if (last <= first) return 0;
  into.set(data.subarray(first - storedFrom, last - storedFrom), first - from);
  return last - first;
}

function shapesOf({ units }: Zero<never>): Map<string, readonly number[]> {
  return new Map(
    units.flatMap(({ layout }) => layout.parameters.map(({ name, shape }) => [name, shape] as const)),
  );
}
