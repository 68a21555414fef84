/** `kernelbook parallel run` as a user starts it: in threads and under mpirun, and what it says of layouts that cannot be. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../kernel/package-root.js';
import { collectOutput } from '../../scripts/child-output.js';
import { mpiEnvironment } from '../../scripts/setup/probe.js';
import { describeRequires } from '../support/requires.js';

const main = join(packageRoot(), 'dist', 'scripts', 'main.js');
const folder = mkdtempSync(join(tmpdir(), 'kernelbook-parallel-run-'));
afterAll(() => rmSync(folder, { recursive: true }));

const run = (flags: string) => [process.execPath, main, 'parallel', 'run', ...flags.split(' ')];

async function ended([command, ...args]: string[]) {
  const child = spawn(command!, args, { env: { ...process.env, ...mpiEnvironment } });
  const output = collectOutput(child);
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, ...output };
}

const small = '--steps 2 --sequence 8 --layers 2';

describe('in threads', () => {
  it('tells the loss of each step, the bytes of each rank and the timeline', async () => {
    const trace = join(folder, 'trace.json');
    const { code, stdout } = await ended(run(`--pipeline 2 --schedule zb1p ${small} --trace ${trace}`));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^step 1 {2}loss \d\.\d{4} .*\nstep 2 {2}loss \d/);
    // 4 micro-batches of 2 sequences, forward on rank 0 and backward on rank 1, in 2 steps: 2 · 4 · B T C · 4 bytes.
    expect(stdout).toMatch(/rank {2}pipeline: allReduce {2}pipeline: send/);
    expect(stdout.match(/^[01] .*\b16,384\b/gm)).toHaveLength(2);
    expect(stdout).toMatch(/^rank 0 {2}[FIW~·]{100}\nrank 1 {2}[FIW~·]{100}$/m);
    expect(stdout).toContain('chunks of activations kept at most: 2 2');
    const { traceEvents } = JSON.parse(readFileSync(trace, 'utf8')) as { traceEvents: { name: string }[] };
    expect(traceEvents.filter(({ name }) => /^[01][FIW][0-3]$/.test(name))).toHaveLength(2 * 3 * 4);
  });

  it('prints JSON, and the losses do not depend on the layout', async () => {
    const losses = async (flags: string) => {
      const { stdout } = await ended(run(`${flags} ${small} --json`));
      return (JSON.parse(stdout) as { losses: number[] }).losses;
    };
    const one = await losses('--ranks 1');
    const four = await losses('--tensor 2 --data 2 --zero 2');
    for (const [step, loss] of one.entries()) expect(Math.abs(four[step]! - loss)).toBeLessThan(1e-5);
  });
});

describe('what cannot be is told in one line', () => {
  it.each(
    [
      [
        '--ranks 3 --tensor 2',
        '3 ranks are no multiple of tensor × pipeline × context × expert = 2 × 1 × 1 × 1 = 2; nearest: 2 or 4',
      ],
      ['--ranks 4 --data 3', '3 data ranks times tensor'],
      ['--tensor 3', 'query heads (4) cannot be divided by tensor ranks (3); 2 or 4 would do'],
      ['--pipeline 2 --schedule foo', "there is no schedule 'foo'; there are naive, gpipe"],
      [
        '--pipeline 4 --schedule zbv --layers 5',
        '7 layers cannot be cut into 8 stages, each of which needs at least one; nearest: 7',
      ],
      [
        '--pipeline 2 --schedule interleaved --micro-batches 3',
        '3 micro-batches are no multiple of 2 ranks, in whose rounds they come; take 2 or 4',
      ],
      ['--data 2 --batch 3', 'a batch of 3 sequences does not divide'],
      ['--pipeline 2 --zero 3', 'nearest: --zero 1, or --pipeline 1'],
      ['--context 2 --sequence 10', '8 or 12 would'],
      [
        '--context 4 --context-form ulysses --tensor 2',
        'Ulysses divides the 2 heads of a tensor rank over 4 context ranks',
      ],
      ['--expert 2 --experts 3', 'experts (3) cannot be divided by expert ranks (2)'],
      ['--zero 7', 'ZeRO has the stages 0 to 3, not 7'],
    ].map(([flags, message]) => ({ flags: flags!, message: message! })),
  )('$flags', async ({ flags, message }) => {
    const { code, stderr } = await ended(run(flags));
    expect(code).toBe(2);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(`kernelbook parallel run: `);
    expect(stderr).toContain(message);
  });
});

describeRequires('mpi', 'under mpirun', () => {
  it('each process is a rank', async () => {
    const { code, stdout } = await ended(['mpirun', '-n', '2', ...run(`--tensor 2 ${small} --json`)]);
    expect(code).toBe(0);
    const { losses, ranks } = JSON.parse(stdout) as { losses: number[]; ranks: { sentBytes: object }[] };
    expect(losses).toHaveLength(2);
    expect(ranks.map(({ sentBytes }) => 'tensor' in sentBytes)).toEqual([true, true]);
  });

  it('ranks that were started differently end, and say what differs', async () => {
    const [first, second] = [run('--data 2 --steps 2'), run('--data 2 --steps 3')];
    const { code, stderr } = await ended(['mpirun', '-n', '1', ...first, ':', '-n', '1', ...second]);
    expect(code).toBe(2);
    expect(stderr.match(/kernelbook parallel run: .*/g)).toEqual([
      'kernelbook parallel run: the ranks were started differently: steps 2 on rank 0, 3 on rank 1; start all of them alike',
    ]);
  });

  it('another number of ranks than mpirun has started is refused', async () => {
    const { code, stderr } = await ended(['mpirun', '-n', '2', ...run('--ranks 4')]);
    expect(code).toBe(2);
    expect(stderr).toContain(
      'mpirun has started 2 ranks, but --ranks is 4; leave it out, or start mpirun -n 4',
    );
  });
});
