/** Requirements: how they are written, how they are compared with the machine, and that a slip is an error. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { decideSkips, markSkipped, unmarkRun } from '../../scripts/check/before-run.js';
import { enoughMemory, findMpi, MachineProbe } from '../../scripts/check/probe-machine.js';
import {
  cellRequirements,
  notebookRequirements,
  parseRequirement,
  requirementFaults,
} from '../../scripts/check/requirements.js';
import type { Cell, Notebook } from '../../scripts/notebook/format.js';

const folder = mkdtempSync(join(tmpdir(), 'kernelbook-requirements-'));
afterAll(() => rmSync(folder, { recursive: true }));

const bytesOf = (text: string) => {
  const requirement = parseRequirement(text);
  return requirement.kind === 'memory' ? requirement.bytes : undefined;
};

function cell(id: string, ...tags: string[]): Cell {
  return { cell_type: 'code', id, metadata: { tags }, source: '1', execution_count: null, outputs: [] };
}

function notebook(requires: unknown, ...cells: Cell[]): Notebook {
  return { nbformat: 4, nbformat_minor: 5, metadata: { kernelbook: { requires } }, cells };
}

describe('as they are written', () => {
  it.each(['webgpu', 'tensorflow', 'gpu', 'mpi'])('%s', (text) => {
    expect(parseRequirement(text)).toEqual({ kind: 'part', part: text, text });
  });

  it.each<[string, number]>([
    ['memory>=512B', 512],
    ['memory>=2kB', 2000],
    ['memory>=3MB', 3e6],
    ['memory>=8GB', 8e9],
    ['memory>=1TB', 1e12],
    ['memory>=4KiB', 4096],
    ['memory>=1MiB', 1_048_576],
    ['memory>=8GiB', 8_589_934_592],
    ['memory>=2TiB', 2_199_023_255_552],
    ['memory>=0.5GiB', 536_870_912],
    ['memory >= 8 gib', 8_589_934_592],
  ])('%s', (text, bytes) => {
    expect(bytesOf(text)).toBe(bytes);
  });

  it.each<[string, RegExp]>([
    [
      'webgu',
      /^unknown requirement "webgu", did you mean webgpu\? Known: webgpu, tensorflow, gpu, mpi, memory>=8GiB$/,
    ],
    ['Tensorflow', /did you mean tensorflow\?/],
    ['memroy>=8GiB', /did you mean memory>=8GiB\?/],
    ['quantum-computer', /^unknown requirement "quantum-computer"\. Known:/],
    ['', /^unknown requirement ""\. Known:/],
    ['memory', /is no size of memory; write it as memory>=8GiB$/],
    ['memory>8GiB', /is no size of memory/],
    ['memory>=8', /is no size of memory/],
    ['memory>=-8GiB', /is no size of memory/],
    ['memory>=8Gi', /^"memory>=8Gi" is no size of memory/],
  ])('refuses %j', (text, message) => {
    expect(() => parseRequirement(text)).toThrow(message);
  });

  it('stand in the metadata of a notebook and the tags of a cell', () => {
    const texts = (found: { text: string }[]) => found.map(({ text }) => text);
    expect(texts(notebookRequirements(notebook(['gpu', 'memory>=1GiB'])))).toEqual(['gpu', 'memory>=1GiB']);
    expect(notebookRequirements(notebook(undefined))).toEqual([]);
    expect(texts(cellRequirements(cell('a', 'x', 'skip-unless:webgpu', 'skip-unless:mpi')))).toEqual([
      'webgpu',
      'mpi',
    ]);
  });

  it('every slip of a notebook is told with its place', () => {
    const faults = requirementFaults(notebook('webgpu', cell('a'), cell('b', 'skip-unless:mpii')));
    expect(faults).toEqual([
      'metadata.kernelbook.requires is "webgpu"; it must be a list such as ["webgpu", "memory>=8GiB"]',
      expect.stringMatching(/^cell 2 "b": unknown requirement "mpii", did you mean mpi\?/),
    ]);
  });
});

describe('against the machine', () => {
  const gib = 2 ** 30;

  it('memory: what there is, and what a container allows of it', () => {
    expect(enoughMemory(8 * gib, [8 * gib]).ok).toBe(true);
    expect(enoughMemory(8 * gib + 1, [8 * gib])).toEqual({ ok: false, reason: 'there are 8.0 GiB here' });
    expect(enoughMemory(8 * gib, [16 * gib, 7.99 * gib])).toEqual({
      ok: false,
      reason: 'there are 7.9 GiB here',
    });
    // Node says 0 where nothing limits it.
    expect(enoughMemory(8 * gib, [16 * gib, 0]).ok).toBe(true);
    expect(enoughMemory(1).ok).toBe(true);
    expect(enoughMemory(totalmem() + 1).ok).toBe(false);
  });

  it('mpi: the library where the loader looks', async () => {
    const lib = join(folder, 'lib');
    mkdirSync(lib);
    writeFileSync(join(lib, 'libmpi.so.40'), '');
    expect((await findMpi({ LD_LIBRARY_PATH: `/nowhere:${lib}` })).ok).toBe(true);
    expect((await findMpi({ MPI_HOME: folder })).ok).toBe(true);
  });

  it('a backend chosen for the run is the only one, and is not even tried for that', async () => {
    const probe = new MachineProbe({ KERNELBOOK_BACKEND: 'cpu' });
    const unmet = (...texts: string[]) => probe.unmet(texts.map(parseRequirement));
    expect(await unmet()).toBeUndefined();
    expect(await unmet('memory>=1MiB', 'webgpu')).toBe('needs webgpu: this run computes on cpu');
    expect(await unmet('tensorflow', 'memory>=900TiB')).toBe('needs tensorflow: this run computes on cpu');
    expect(await unmet('memory>=900TiB')).toMatch(/^needs memory>=900TiB: there are [\d.]+ GiB here$/);
  });

  it('devices: what `kernelbook devices` says, with its reason', async () => {
    const probe = new MachineProbe({ ...process.env, KERNELBOOK_BACKEND: '' });
    const { listBackends } = await import('../../src/compute/backend.js');
    const reports = await listBackends();
    for (const part of ['webgpu', 'tensorflow'] as const) {
      const { available } = reports.find(({ name }) => name === part)!;
      const reason = await probe.unmet([parseRequirement(part)]);
      if (available) expect(reason).toBeUndefined();
      else expect(reason).toMatch(new RegExp(`^needs ${part}: .+`));
    }
    const hasGpu = reports.some(({ info }) => info?.hardware);
    expect(await probe.unmet([parseRequirement('gpu')])).toBe(
      hasGpu ? undefined : 'needs gpu: no GPU found here',
    );
  });

  it('decides for the notebook, then cell by cell', async () => {
    const probe = new MachineProbe({ KERNELBOOK_BACKEND: 'cpu' });
    const cells = [cell('a'), cell('b', 'skip-unless:webgpu'), cell('c', 'skip-unless:memory>=1MiB')];
    const some = await decideSkips(notebook([], ...cells), probe);
    expect(some.notebook).toBeUndefined();
    expect([...some.cells]).toEqual([['b', 'needs webgpu: this run computes on cpu']]);
    const all = await decideSkips(notebook(['tensorflow'], ...cells), probe);
    expect(all.notebook).toBe('needs tensorflow: this run computes on cpu');
    expect(all.cells.size).toBe(0);
  });

  it('the reason stands in the metadata, and not in that of the next run', () => {
    const one = notebook(['gpu'], cell('a'));
    markSkipped(one, 'needs gpu: none');
    markSkipped(one.cells[0]!, 'why');
    expect(one.metadata.kernelbook).toEqual({ requires: ['gpu'], skipped: 'needs gpu: none' });
    unmarkRun(one);
    expect(one.metadata.kernelbook).toEqual({ requires: ['gpu'] });
    expect(one.cells[0]!.metadata.kernelbook).toEqual({});
  });
});
