/**
 * Notebooks written for tslab and jslab, with their metadata, run in our kernel and in tslab's own beside it: every
 * cell succeeds in both and displays the same, mime type by mime type.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dialectVariable } from '../../kernel/dialect.js';
import type { KernelClient } from '../../kernel/protocol/client.js';
import { launchKernel } from '../../kernel/protocol/client.js';
import type { OutputMessage } from '../../kernel/protocol/messages.js';
import { parseNotebook } from '../../scripts/notebook/read.js';
import { type CellRun, runCell, startKernel } from './helpers.js';

const tslab = join(dirname(createRequire(import.meta.url).resolve('tslab/package.json')), 'bin', 'tslab');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kernelbook-tslab-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function ours(dialect: string): Promise<KernelClient> {
  return startKernel(undefined, { cwd: folder, env: { ...process.env, [dialectVariable]: dialect } });
}

function theirs(dialect: string): Promise<KernelClient> {
  const argv = [process.execPath, tslab, 'kernel', '--config-path', '{connection_file}'];
  if (dialect === 'jslab') argv.push('--js');
  const spec = { name: dialect, displayName: dialect, language: '', argv, interruptMode: 'signal' as const };
  return launchKernel({ ...spec, env: {}, resourceDir: folder, metadata: {} }, { cwd: folder });
}

async function runAll(kernel: KernelClient, cells: readonly string[]): Promise<CellRun[]> {
  try {
    const runs: CellRun[] = [];
    for (const cell of cells) runs.push(await runCell(kernel, cell, { timeoutMs: 120_000 }));
    return runs;
  } finally {
    await kernel.shutdown();
  }
}

/** What a cell displayed, with display ids called by the order in which they come. */
function displays(run: CellRun): unknown[] {
  const ids: string[] = [];
  return run.outputs.flatMap((message: OutputMessage) => {
    if (message.type !== 'display_data' && message.type !== 'update_display_data') return [];
    const { data, metadata, transient } = message.content;
    const id = transient?.display_id;
    if (id !== undefined && !ids.includes(id)) ids.push(id);
    return [{ type: message.type, data, metadata, id: id === undefined ? undefined : ids.indexOf(id) }];
  });
}

describe.each([
  ['tslab', 'getting-started.ipynb'],
  ['jslab', 'getting-started-javascript.ipynb'],
])('a notebook for %s', (dialect, file) => {
  const path = fileURLToPath(new URL(`tslab-notebooks/${file}`, import.meta.url));
  const cells = parseNotebook(readFileSync(path, 'utf8')).cells.flatMap((cell) =>
    cell.cell_type === 'code' ? [cell.source] : [],
  );

  test('runs unchanged where tslab is not installed, and displays what tslab displays', async () => {
    const [own, reference] = await Promise.all([
      ours(dialect).then((kernel) => runAll(kernel, cells)),
      theirs(dialect).then((kernel) => runAll(kernel, cells)),
    ]);
    for (const [index, cell] of cells.entries()) {
      expect(own[index]!.reply, cell).toMatchObject({ status: 'ok' });
      if (reference[index]!.reply.status !== 'ok') console.log(reference[index]!.stderr);
      expect(reference[index]!.reply, cell).toMatchObject({ status: 'ok' });
      expect(displays(own[index]!), cell).toEqual(displays(reference[index]!));
      // What tslab prints of a last expression is our result.
      const printed = `${own[index]!.stdout}${own[index]!.result ?? ''}`.trim().replace(/^'(.*)'$/s, '$1');
      expect(printed, cell).toBe(reference[index]!.stdout.trim());
      expect(own[index]!.stderr, cell).toBe('');
    }
    expect(own.flatMap(displays).length).toBeGreaterThan(2);
  });
});

test('JavaScript cells are checked as far as their types are known, and the kernel says its language', async () => {
  const kernel = await ours('jslab');
  try {
    expect(kernel.info.language_info).toMatchObject({
      name: 'javascript',
      file_extension: '.js',
    });
    await runCell(kernel, '/** @param {number} n */\nfunction half(n) { return n / 2; }');
    expect((await runCell(kernel, 'half("a")')).reply).toMatchObject({
      status: 'error',
      evalue: expect.stringContaining("'string' is not assignable to parameter of type 'number'"),
    });
    expect((await runCell(kernel, 'half(5)')).result).toBe('2.5');
    expect((await runCell(kernel, 'const node = <b>no</b>;')).reply).toMatchObject({
      status: 'error',
      evalue: expect.stringContaining('JSX is not supported in cells'),
    });
  } finally {
    await kernel.shutdown();
  }
});

test('the copy of the notebook’s folder is the one used, also by the user’s files, and shows through our kernel', async () => {
  const own = join(folder, 'node_modules', 'tslab');
  mkdirSync(join(own, 'dist'), { recursive: true });
  writeFileSync(
    join(own, 'package.json'),
    '{ "name": "tslab", "version": "9.9.9", "main": "dist/public.js" }',
  );
  writeFileSync(join(own, 'dist', 'jupyter.js'), 'exports.lastWriteDisplayData = null;');
  writeFileSync(
    join(own, 'dist', 'public.js'),
    `const jupyter = require('./jupyter');
     exports.display = { text: (s) => jupyter.lastWriteDisplayData({ data: { 'text/plain': 'mine: ' + s }, metadata: {}, transient: {} }) };`,
  );
  writeFileSync(join(own, 'dist', 'public.d.ts'), 'export declare const display: { text(s: string): void };');
  writeFileSync(
    join(folder, 'report.ts'),
    `import { display } from 'tslab';\ndisplay.text('at load');\nexport const report = (s: string) => display.text(s);\n`,
  );
  const kernel = await ours('typescript');
  try {
    const shown = async (code: string) =>
      displays(await runCell(kernel, code)).map((output) => (output as { data: unknown }).data);
    expect(await shown('import { report } from "./report"; report("from a file")')).toEqual([
      { 'text/plain': 'mine: at load' },
      { 'text/plain': 'mine: from a file' },
    ]);
    expect(await shown('import * as tslab from "tslab"; tslab.display.text("cell")')).toEqual([
      { 'text/plain': 'mine: cell' },
    ]);
    expect((await runCell(kernel, 'tslab.display.text(5)')).reply).toMatchObject({
      status: 'error',
      evalue: expect.stringContaining("'number' is not assignable to parameter of type 'string'"),
    });
    expect(await shown('require("tslab").display.text("required")')).toEqual([
      { 'text/plain': 'mine: required' },
    ]);
  } finally {
    await kernel.shutdown();
  }
});
