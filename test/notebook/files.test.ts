/** Reading and writing: Jupyter's own bytes, ids for old files, atomic replacement. Oracle: Python's nbformat. */
import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CodeCell, DisplayOutput, Notebook, StreamOutput } from '../../scripts/notebook/format.js';
import { KeptTexts } from '../../scripts/notebook/kept-texts.js';
import { parseNotebook, readNotebook } from '../../scripts/notebook/read.js';
import { serializeNotebook } from '../../scripts/notebook/serialize.js';
import { writeFileAtomically, writeNotebook } from '../../scripts/notebook/write.js';
import { describeRequires } from '../support/requires.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'notebook-files-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const sample: Notebook = {
  nbformat: 4,
  nbformat_minor: 5,
  metadata: { title: '注意力 – Attention', kernelspec: { name: 'python3', display_name: 'Python' } },
  cells: [
    { cell_type: 'markdown', id: 'text', metadata: {}, source: '# 标题 😀\r\nline\u2028separator\n\nend' },
    {
      cell_type: 'code',
      id: 'code',
      metadata: { tags: ['parameters'], b: { z: [], a: {} } },
      source: 'x = 1\n',
      execution_count: 1,
      outputs: [
        { output_type: 'stream', name: 'stdout', text: 'a\n\nb\x85c\f' },
        {
          output_type: 'display_data',
          metadata: {},
          data: {
            'image/png': 'AAAA\nBBBB',
            'image/svg+xml': '<svg>\n</svg>',
            'application/x+json': { b: ['1\n2'], a: null },
            'text/html': '',
          },
        },
        { output_type: 'error', ename: 'E', evalue: 'v\nw', traceback: ['\u001b[31ma\nb'] },
      ],
    },
    { cell_type: 'raw', id: 'raw', metadata: {}, source: '' },
  ],
};

describe('serializeNotebook', () => {
  it('round-trips', () => {
    expect(parseNotebook(serializeNotebook(sample))).toEqual(sample);
  });

  it('does not change what it writes', () => {
    const copy = structuredClone(sample);
    serializeNotebook(sample);
    expect(sample).toEqual(copy);
  });
});

describe('KeptTexts', () => {
  const code = () => structuredClone(sample.cells[1]) as CodeCell;
  const text = (texts: KeptTexts, notebook: Notebook) =>
    Buffer.concat([...texts.pieces(notebook)].map((piece) => Buffer.from(piece))).toString();

  it.each([0, 300, 2 ** 20])(
    'give the file of the notebook as it is at each save, with room for %d bytes',
    (room) => {
      const first = code();
      const notebook: Notebook = { ...sample, cells: [sample.cells[0]!, first, code()] };
      const texts = new KeptTexts(room);
      const expectSame = () => expect(text(texts, notebook)).toBe(serializeNotebook(notebook));
      expectSame();
      const [stream, display] = first.outputs as [StreamOutput, DisplayOutput];
      stream.text += '注\nend';
      expectSame();
      display.data = { 'text/html': '<b>\n</b>' };
      expectSame();
      display.metadata = { isolated: true };
      expectSame();
      first.outputs.push({ ...stream, text: 'again' });
      expectSame();
      first.outputs = first.outputs.slice(1);
      expectSame();
      first.outputs = [];
      expectSame();
    },
  );

  it('are made once for an output that stays as it is', () => {
    const cell = code();
    const [, figure] = cell.outputs as [StreamOutput, DisplayOutput];
    let read = 0;
    figure.data = new Proxy(figure.data, {
      ownKeys: (data) => {
        read++;
        return Reflect.ownKeys(data);
      },
    });
    const texts = new KeptTexts();
    for (let save = 0; save < 5; save++) text(texts, { ...sample, cells: [cell] });
    expect(read).toBe(1);
  });
});

describe('parseNotebook', () => {
  const old = (sources: string[]) =>
    JSON.stringify({
      nbformat: 4,
      nbformat_minor: 2,
      metadata: { orig_nbformat: 3, kept: 1 },
      cells: sources.map((source) => ({
        cell_type: 'markdown',
        metadata: { trusted: true },
        source: [source],
      })),
    });

  it('gives old files distinct, stable ids, and drops transient metadata', () => {
    const first = parseNotebook(old(['same', 'same', 'other']));
    const second = parseNotebook(old(['same', 'same', 'other']));
    expect(first.nbformat_minor).toBe(5);
    expect(first.cells.map((cell) => cell.id)).toEqual(second.cells.map((cell) => cell.id));
    expect(new Set(first.cells.map((cell) => cell.id)).size).toBe(3);
    expect(first.metadata).toEqual({ kept: 1 });
    expect(first.cells[0]?.metadata).toEqual({});
  });
});

describe('readNotebook', () => {
  it('names the file and the fault', async () => {
    const path = join(folder, 'broken.ipynb');
    await writeFile(path, '{"nbformat": 4}');
    await expect(readNotebook(path)).rejects.toThrow(
      `${path}: not a valid notebook: nbformat_minor is missing`,
    );
    await expect(readNotebook(join(folder, 'absent.ipynb'))).rejects.toThrow('absent.ipynb: no such file');
    await expect(readNotebook(folder)).rejects.toThrow('is a folder');
    await writeFile(path, Buffer.from([0xff, 0xfe, 0x00]));
    await expect(readNotebook(path)).rejects.toThrow('not UTF-8');
  });
});

describe('writeFileAtomically', () => {
  it('replaces the file and leaves no temporary file', async () => {
    const place = join(folder, 'deep', 'er');
    await writeNotebook(join(place, 'a.ipynb'), sample);
    await writeNotebook(join(place, 'a.ipynb'), { ...sample, cells: [] });
    expect(await readdir(place)).toEqual(['a.ipynb']);
    expect((await readNotebook(join(place, 'a.ipynb'))).cells).toEqual([]);
  });

  it('keeps the mode of the file it replaces, and gives the one that is asked for', async () => {
    const path = join(folder, 'mode');
    await writeFileAtomically(path, 'old');
    const usual = (await stat(path)).mode;
    for (const mode of [0o755, 0o600, 0o664]) {
      await chmod(path, mode);
      await writeFileAtomically(path, 'new');
      expect((await stat(path)).mode & 0o777).toBe(mode);
    }
    await writeFileAtomically(path, 'private', { mode: 0o600 });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await writeFileAtomically(join(folder, 'mode-2'), 'new');
    expect((await stat(join(folder, 'mode-2'))).mode).toBe(usual);
  });

  it('keeps the old file when writing fails', async () => {
    const place = join(folder, 'failing');
    await writeFileAtomically(join(place, 'a'), 'old');
    await writeFileAtomically(join(place, 'dir', 'inner'), 'x');
    // A folder stands where the file should go: the rename fails after the temporary file was written.
    await expect(writeFileAtomically(join(place, 'dir'), 'new')).rejects.toThrow();
    expect((await readdir(place)).sort()).toEqual(['a', 'dir']);
    expect(await readFile(join(place, 'a'), 'utf8')).toBe('old');
  });

  it('never shows a half-written file to a reader', async () => {
    const path = join(folder, 'race');
    const versions = ['a', 'b'].map((letter) => letter.repeat(300_000));
    await writeFileAtomically(path, versions[0]!);
    let writing = true;
    const writer = (async () => {
      for (let i = 0; i < 20; i++) await writeFileAtomically(path, versions[i % 2]!);
      writing = false;
    })();
    let reads = 0;
    while (writing) {
      expect(versions).toContain(await readFile(path, 'utf8'));
      reads++;
    }
    await writer;
    expect(reads).toBeGreaterThan(0);
  });
});

describeRequires('venv', "against Python's nbformat", () => {
  const python = (script: string, ...args: string[]) =>
    execFileSync('.venv/bin/python', ['-c', script, ...args], { encoding: 'utf8' });

  it('writes the bytes nbformat writes, and is valid by its schema', async () => {
    const path = join(folder, 'bytes.ipynb');
    await writeNotebook(path, sample);
    const rewritten = python(
      'import nbformat, sys; nb = nbformat.read(sys.argv[1], 4); nbformat.validate(nb); nbformat.write(nb, sys.argv[2])',
      path,
      join(folder, 'python.ipynb'),
    );
    expect(rewritten).toBe('');
    expect(await readFile(path, 'utf8')).toBe(await readFile(join(folder, 'python.ipynb'), 'utf8'));
  });
});
