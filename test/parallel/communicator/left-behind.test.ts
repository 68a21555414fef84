/** Many starts and ends of worlds: no process, no file in the temporary folder and no open descriptor stays behind. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { descendants } from '../../../scripts/processes.js';
import { mpiEnvironment, mpirunArguments } from '../../../scripts/setup/probe.js';
import type { threads as runThreads } from '../../../src/parallel/communicator/index.js';
import { describeRequires } from '../../support/requires.js';

const built = new URL('../../../dist/src/parallel/communicator/index.js', import.meta.url).href;
const { threads } = (await import(built)) as { threads: typeof runThreads };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kernelbook-left-behind-'));
  writeFileSync(
    join(folder, 'program.mjs'),
    'export default async (comm) => (await comm.allReduce(Float32Array.of(1)))[0];\n',
  );
  writeFileSync(
    join(folder, 'main.mjs'),
    `import { mpi } from '${built}';\nimport run from './program.mjs';\nawait mpi(run);\n`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

const openDescriptors = () => readdirSync('/proc/self/fd').length;
const threadsOfProcess = () => readdirSync('/proc/self/task').length;

describe.runIf(existsSync('/proc/self/fd'))('worlds of threads', () => {
  it('200 starts and ends', async () => {
    const program = pathToFileURL(join(folder, 'program.mjs'));
    // A temporary folder that nobody else writes to.
    vi.stubEnv('TMPDIR', mkdtempSync(join(folder, 'threads')));
    const temporary = () => readdirSync(tmpdir()).sort();
    // The first ones open what stays open once per process.
    for (let n = 0; n < 3; n++) await threads(2, program);
    const before = { descriptors: openDescriptors(), threads: threadsOfProcess(), files: temporary() };
    for (let n = 0; n < 200; n++) expect(await threads(2, program)).toEqual([2, 2]);
    expect(openDescriptors()).toBeLessThanOrEqual(before.descriptors);
    // Node's own pool may still grow; 400 ranks that stayed would be seen.
    expect(threadsOfProcess()).toBeLessThanOrEqual(before.threads + 8);
    expect(temporary()).toEqual(before.files);
    expect(process.getActiveResourcesInfo().filter((name) => /Worker|MessagePort/.test(name))).not.toContain(
      'Worker',
    );
    vi.unstubAllEnvs();
  });
});

describeRequires('mpi', 'worlds of MPI', () => {
  it('20 starts and ends', async () => {
    // Open MPI keeps its session here, and nobody else does.
    const own = join(folder, 'session');
    const env = { ...process.env, ...mpiEnvironment, TMPDIR: mkdtempSync(own) };
    const before = { descriptors: openDescriptors(), processes: descendants(process.pid).length };
    for (let n = 0; n < 20; n++) {
      const command = [...mpirunArguments(2), process.execPath, join(folder, 'main.mjs')];
      const child = spawn('mpirun', command, { env, stdio: ['ignore', 'ignore', 'inherit'] });
      expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
    }
    expect(openDescriptors()).toBeLessThanOrEqual(before.descriptors);
    expect(descendants(process.pid).length).toBeLessThanOrEqual(before.processes);
    const left = readdirSync(env.TMPDIR, { recursive: true, withFileTypes: true });
    expect(left.filter((entry) => !entry.isDirectory()).map(({ name }) => name)).toEqual([]);
  });
});
