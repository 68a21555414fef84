import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RankProgram } from '../../../src/parallel/communicator/index.js';
import { everyOperation } from './every-operation.js';

// Worker threads run files: the library is tested as it is built.
const built = new URL('../../../dist/src/parallel/communicator/index.js', import.meta.url).href;
const { CommunicationError, ranks, threads } = (await import(
  built
)) as typeof import('../../../src/parallel/communicator/index.js');

let folder: string;
let files = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kernelbook-threads-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A program's file with this body of `async (comm, args) => { … }`. */
function program(body: string): URL {
  const file = join(folder, `program-${++files}.mjs`);
  writeFileSync(file, `export default async (comm, args) => {\n${body}\n};\n`);
  return pathToFileURL(file);
}

describe.each([1, 2, 4])('%i threads', (size) => {
  it.each([0, 1, 1001, 70_001])('give the same bits as ranks in one thread, %i numbers', async (length) => {
    const file = program(everyOperation);
    const { default: run } = (await import(file.href)) as { default: RankProgram };
    const inThreads = await threads(size, file, { args: { length } });
    const inOne = await ranks(size, (comm) => run(comm, { length }));
    // As text: to compare numbers one by one takes the test runner minutes.
    expect(JSON.stringify(inThreads) === JSON.stringify(inOne)).toBe(true);
  });
});

describe('what goes wrong', () => {
  const fails = async (size: number, body: string): Promise<Error> => {
    const error = await threads(size, program(body)).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(CommunicationError);
    return error as Error;
  };

  it.each([
    [
      'a rank that throws',
      "if (comm.rank === 1) throw new TypeError('no such layer'); await comm.barrier();",
      'rank 1 failed: TypeError: no such layer',
    ],
    [
      'a rank whose thread ends',
      'if (comm.rank === 2) process.exit(3); await comm.barrier();',
      'rank 2 failed: Error: its thread ended with exit code 3',
    ],
    [
      'another collective',
      'await (comm.rank === 2 ? comm.allGather(new Float32Array(2)) : comm.allReduce(new Float32Array(4)));',
      'rank 2 called allGather(float32[2])',
    ],
    [
      'another length',
      'await comm.allReduce(new Float32Array(4 + comm.rank));',
      'the ranks of world disagree on call 1: rank',
    ],
    [
      'a collective that one rank skips',
      'await comm.barrier(); if (comm.rank !== 2) await comm.allReduce(new Float32Array(4));',
      'rank 0 waits in allReduce(float32[4], sum), call 2 of world, for rank 2; rank 1 waits in allReduce(float32[4], sum), call 2 of world, for rank 0; rank 2 has ended',
    ],
    [
      'messages that everybody waits for',
      'await comm.receive((comm.rank + 1) % 3, 5);',
      'nobody can go on: rank 0 waits in receive(from 1, tag 5) of world',
    ],
    [
      'a rank that fails while another computes for ever',
      "if (comm.rank === 0) throw new Error('stop'); if (comm.rank === 1) for (;;); await comm.barrier();",
      'rank 0 failed: Error: stop',
    ],
  ])('%s ends all ranks, and is told', async (_, body, message) => {
    expect((await fails(3, body)).message).toContain(message);
  });

  it('a file without a program is refused', async () => {
    const file = join(folder, 'nothing.mjs');
    writeFileSync(file, 'export const x = 1;\n');
    await expect(threads(2, pathToFileURL(file))).rejects.toThrow('has no default export to call');
    await expect(threads(2, pathToFileURL(join(folder, 'absent.mjs')))).rejects.toThrow(
      /rank \d failed: Error: Cannot find module/,
    );
  });
});

it('leaves nothing behind', async () => {
  const file = program('await comm.allReduce(new Float32Array(8)); return comm.rank;');
  for (let n = 0; n < 20; n++) expect(await threads(2, file)).toEqual([0, 1]);
  const left = process.getActiveResourcesInfo().filter((name) => /Worker|MessagePort/.test(name));
  expect(left.filter((name) => name === 'Worker')).toEqual([]);
});
