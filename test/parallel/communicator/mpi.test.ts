import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { deserialize } from 'node:v8';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mpiEnvironment, mpirunArguments } from '../../../scripts/setup/probe.js';
import { type RankProgram, ranks } from '../../../src/parallel/communicator/index.js';
import { describeRequires } from '../../support/requires.js';
import { everyOperation } from './every-operation.js';

// The processes run the library as it is built.
const built = new URL('../../../dist/src/parallel/communicator/index.js', import.meta.url).href;

let folder: string;
let files = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kernelbook-mpi-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A file with this body of `async (comm, args) => { … }`, and one that runs it under MPI and keeps its results. */
function program(body: string): { file: string; main: string } {
  const file = join(folder, `program-${++files}.mjs`);
  const main = join(folder, `main-${files}.mjs`);
  writeFileSync(file, `export default async (comm, args) => {\n${body}\n};\n`);
  writeFileSync(
    main,
    `import { writeFileSync } from 'node:fs';
import { serialize } from 'node:v8';
import { mpi } from '${built}';
import program from '${pathToFileURL(file).href}';
const [folder, args] = process.argv.slice(2);
await mpi(async (comm) => {
  const result = await program(comm, JSON.parse(args));
  writeFileSync(folder + '/result-' + comm.rank, serialize(result));
});
`,
  );
  return { file, main };
}

interface Ended {
  code: number | null;
  output: string;
}

function mpirun(size: number, main: string, args: unknown = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const command = [...mpirunArguments(size), process.execPath, main, folder, JSON.stringify(args)];
    const child = spawn('mpirun', command, { env: { ...process.env, ...mpiEnvironment } });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    child.on('close', (code) => resolve({ code, output }));
  });
}

describeRequires('mpi', 'MPI', () => {
  describe.each([1, 2, 4])('%i processes', (size) => {
    it.each([0, 1, 1001])('give and count the same as ranks in one thread, %i numbers', async (length) => {
      const { file, main } = program(everyOperation);
      const { code, output } = await mpirun(size, main, { length });
      expect(output).toBe('');
      expect(code).toBe(0);
      const { default: run } = (await import(file)) as { default: RankProgram };
      const inOne = await ranks(size, (comm) => run(comm, { length }));
      // Read by another realm than the one whose arrays the expected ones are.
      const results = inOne.map((_, rank) => deserialize(readFileSync(join(folder, `result-${rank}`))));
      expect(JSON.stringify(results)).toBe(JSON.stringify(inOne));
    });
  });

  it('carries what is larger than its buffers', async () => {
    const { main } = program(`
      const data = new Float32Array(3_000_001).fill(comm.rank + 1);
      await comm.allReduce(data);
      if (!data.every((value) => value === 3)) throw new Error('wrong sum');
      await comm.send(data, 1 - comm.rank);
      const received = await comm.receive(1 - comm.rank);
      if (received.length !== data.length || received.at(-1) !== 3) throw new Error('wrong message');`);
    expect(await mpirun(2, main)).toEqual({ code: 0, output: '' });
  });

  it.each([
    [
      'a rank that throws',
      "if (comm.rank === 1) throw new TypeError('no such layer'); await comm.barrier();",
      ['rank 1 failed: TypeError: no such layer'],
    ],
    [
      'a rank that is killed',
      "if (comm.rank === 1) process.kill(process.pid, 'SIGKILL'); await comm.allReduce(new Float32Array(4));",
      [
        'rank 1',
        'signal 9',
        'rank 0 was ended by SIGTERM while it waited in allReduce(float32[4], sum), call 1 of world',
      ],
    ],
    [
      'another collective',
      'await (comm.rank === 2 ? comm.allGather(new Float32Array(2)) : comm.allReduce(new Float32Array(4)));',
      [
        'the ranks of world disagree on call 1: rank 0 called allReduce(float32[4], sum), rank 2 called allGather(float32[2])',
      ],
    ],
    [
      'a collective that one rank skips',
      'await comm.barrier(); if (comm.rank !== 2) await comm.allReduce(new Float32Array(4));',
      [
        'nobody can go on: rank 0 waits in allReduce(float32[4], sum), call 2 of world; rank 1 waits in allReduce(float32[4], sum), call 2 of world; rank 2 has ended',
      ],
    ],
    [
      'messages that everybody waits for',
      'await comm.receive((comm.rank + 1) % 3, 5);',
      ['nobody can go on: rank 0 waits in receive(from 1, tag 5) of world'],
    ],
  ])('%s ends all processes, and is told', async (_, body, messages) => {
    const { code, output } = await mpirun(3, program(body).main);
    expect(code).not.toBe(0);
    for (const message of messages) expect(output).toContain(message);
  });

  it('a rank that computes for long is waited for', async () => {
    const { main } = program(`
      if (comm.rank === 1) for (const end = Date.now() + 4000; Date.now() < end; );
      await comm.allReduce(new Float32Array(4));`);
    expect(await mpirun(2, main)).toEqual({ code: 0, output: '' });
  });
});
