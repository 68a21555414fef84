/** Executed notebooks to a folder of pages: one per notebook, an index, and the shared assets. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { isObject, type Notebook } from '../notebook/format.js';
import { readNotebook } from '../notebook/read.js';
import { type IndexEntry, readIndex, type SelectedNotebook } from '../notebook/select.js';
import { writeFileAtomically } from '../notebook/write.js';
import { katexStyles, plotlyLibrary } from './assets.js';
import { Highlighter } from './highlight.js';
import { type IndexedPage, indexPage } from './index-page.js';
import { pageLinks } from './markdown.js';
import { type Neighbour, notebookPage, renderNotebook } from './notebook-page.js';
import { localPicture, type Picture } from './pictures.js';
import { ProblemList } from './problems.js';
import { styleSheet } from './style.js';

export interface Site {
  /** Page files, in reading order, with what failed in their notebooks. */
  pages: {
    file: string;
    failures: { cell: string; what: string }[];
    passed: number;
    /** What to say of a notebook whose code was not run, or not all of it. */
    unexecuted: string | undefined;
  }[];
  /** Formulas, images and the like that could not be shown. */
  problems: string[];
  /** Notebooks that are not quite valid and are shown all the same. */
  warnings: string[];
}

/**
 * Writes the guide. The same notebooks give the same bytes.
 * @param order the reading order and titles, from the index.json of the workbook
 */
export async function writeSite(
  notebooks: SelectedNotebook[],
  output: string,
  order: IndexEntry[],
): Promise<Site> {
  const sorted = inReadingOrder(notebooks, order);
  const warnings: string[] = [];
  const loaded = await Promise.all(
    sorted.map(async (one) => ({
      one,
      notebook: await readNotebook(one.path, (line) => warnings.push(line.replace(one.path, one.name))),
    })),
  );
  const files = pageFiles(sorted);
  const problems = new ProblemList();
  const highlighter = await Highlighter.create();
  const link = pageLinks(new Set(files));
  const pages = loaded.map(({ one, notebook }, index): IndexedPage => {
    const rendered = renderNotebook(notebook, one.name, {
      highlighter,
      problems,
      link,
      picture: (source) => pictureBeside(picturesFolders(one.path, notebook), source),
    });
    const entry = order.find(({ file }) => basename(file) === basename(one.path));
    return { page: files[index]!, title: entry?.title ?? rendered.summary.title, rendered };
  });
  await mkdir(join(output, 'assets'), { recursive: true });
  await removeOldPages(output, new Set(files));
  const neighbour = (index: number): Neighbour | undefined => pages[index];
  for (const [index, { page, rendered }] of pages.entries()) {
    const place = { name: page, previous: neighbour(index - 1), next: neighbour(index + 1) };
    await writeFileAtomically(join(output, page), notebookPage(rendered, place));
  }
  await writeFileAtomically(join(output, 'index.html'), indexPage(pages));
  await writeFileAtomically(join(output, 'assets', 'guide.css'), styleSheet(highlighter.css()));
  await writeFileAtomically(join(output, 'assets', 'katex.css'), await katexStyles());
  if (pages.some(({ rendered }) => rendered.interactive)) {
    await writeFileAtomically(join(output, 'assets', 'plotly.min.js'), await plotlyLibrary());
  }
  return {
    pages: pages.map(({ page, rendered }, index) => ({
      file: page,
      failures: rendered.summary.failures,
      passed: rendered.summary.passed,
      unexecuted: unexecuted(loaded[index]!.notebook, sorted[index]!.name),
    })),
    problems: problems.messages,
    warnings,
  };
}

/** Of a notebook that still waits for its run the page has code and no results. */
function unexecuted({ cells }: Notebook, name: string): string | undefined {
  const code = cells.filter((cell) => cell.cell_type === 'code' && cell.source.trim() !== '');
  const open = code.filter((cell) => cell.cell_type === 'code' && cell.execution_count === null).length;
  if (open === 0) return undefined;
  const what =
    open === code.length ? 'was not executed' : `has ${open} of ${code.length} code cells not executed`;
  return `${name} ${what}, so its page lacks results; run it first: kernelbook run ${name}`;
}

/** The reading order for these notebooks: of their own folder, else of `fallback`. */
export async function readingOrder(notebooks: SelectedNotebook[], fallback: string): Promise<IndexEntry[]> {
  const folders = [...new Set(notebooks.map(({ path }) => dirname(path))), fallback];
  for (const folder of folders) {
    const entries = await readIndex(folder);
    if (entries.length > 0) return entries;
  }
  return [];
}

function inReadingOrder(notebooks: SelectedNotebook[], order: IndexEntry[]): SelectedNotebook[] {
  const rank = ({ path }: SelectedNotebook) => {
    const at = order.findIndex(({ file }) => basename(file) === basename(path));
    return at < 0 ? order.length : at;
  };
  return [...notebooks].sort((a, b) => rank(a) - rank(b));
}

/**
 * Where the pictures of a notebook may be: beside it, and beside the notebook that it was executed from, which the run
 * wrote into it.
 */
function picturesFolders(path: string, { metadata }: Notebook): string[] {
  const record = metadata.papermill;
  const input = isObject(record) && typeof record.input_path === 'string' ? resolve(record.input_path) : path;
  const same = basename(input) === basename(path) && existsSync(input);
  return [...new Set([dirname(path), ...(same ? [dirname(input)] : [])])];
}

function pictureBeside(folders: string[], source: string): Picture {
  const found = folders.map((folder) => localPicture(folder, source));
  return found.find((one) => one && 'data' in one) ?? found.at(-1);
}

/** `01-attention.ipynb` becomes `01-attention.html`; notebooks of one name get a number. */
function pageFiles(notebooks: SelectedNotebook[]): string[] {
  const taken = new Set(['index.html']);
  return notebooks.map(({ path }) => {
    const stem = basename(path, '.ipynb');
    let file = `${stem}.html`;
    for (let n = 2; taken.has(file); n++) file = `${stem}-${n}.html`;
    taken.add(file);
    return file;
  });
}

const mark = '<a class="home" href="index.html">kernelbook</a>';

/** A page of an earlier guide whose notebook is gone would stay reachable; foreign files are left alone. */
async function removeOldPages(output: string, current: ReadonlySet<string>): Promise<void> {
  for (const file of await readdir(output)) {
    if (!file.endsWith('.html') || file === 'index.html' || current.has(file)) continue;
    if ((await readFile(join(output, file), 'utf8')).includes(mark)) await rm(join(output, file));
  }
}
