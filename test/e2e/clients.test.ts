/** Jupyter's own ways to run a notebook without a browser, with our kernel: nbconvert, nbclient and papermill. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeRequires } from '../support/requires.js';
import {
  fixtureNotebook,
  mainNotebook,
  makeWorkspace,
  processesLeft,
  venvProgram,
  type Workspace,
} from './workspace.js';

const minutes = 60_000;

interface Finished {
  status: number | null;
  output: string;
}

describeRequires(['venv', 'kernelspec'], 'a notebook through Jupyter clients', () => {
  let workspace: Workspace;
  beforeAll(() => {
    workspace = makeWorkspace([mainNotebook(), fixtureNotebook]);
  });
  afterAll(() => workspace?.remove());

  /** Runs a program of .venv in the workspace. */
  const run = (program: string, ...args: string[]) =>
    new Promise<Finished>((resolve, reject) => {
      const child = spawn(venvProgram(program), args, { cwd: workspace.folder, env: workspace.env });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => (output += chunk));
      child.once('error', reject);
      child.once('close', (status) => resolve({ status, output }));
    });
  const inWorkspace = (name: string) => path.join(workspace.folder, name);

  it(
    'nbconvert executes the first notebook to HTML',
    async () => {
      const name = path.basename(mainNotebook());
      const finished = await run('jupyter', 'nbconvert', '--execute', '--to', 'html', name);
      expect(finished, finished.output).toMatchObject({ status: 0 });
      const html = readFileSync(inWorkspace(name.replace(/\.ipynb$/, '.html')), 'utf8');
      expect(html).toContain('<html');
      expect(html).not.toContain('jp-RenderedText" data-mime-type="application/vnd.jupyter.error');
      const source = JSON.parse(readFileSync(mainNotebook(), 'utf8')) as Notebook;
      const code = source.cells.filter(({ cell_type }) => cell_type === 'code').length;
      expect(html.match(/InputArea-prompt">In(\u00a0|&nbsp;)\[\d+\]:/g)).toHaveLength(code);
    },
    6 * minutes,
  );

  it(
    'nbclient executes a notebook, giving results, streams and figures',
    async () => {
      const finished = await run('python', '-c', nbclientProgram, 'figure.ipynb', 'figure.nbclient.ipynb');
      expect(finished, finished.output).toMatchObject({ status: 0 });
      expectFixtureOutputs(inWorkspace('figure.nbclient.ipynb'));
    },
    3 * minutes,
  );

  it(
    'papermill executes a notebook and stamps it',
    async () => {
      const finished = await run('papermill', '--no-progress-bar', 'figure.ipynb', 'figure.papermill.ipynb');
      expect(finished, finished.output).toMatchObject({ status: 0 });
      expectFixtureOutputs(inWorkspace('figure.papermill.ipynb'));
      const { metadata } = JSON.parse(
        readFileSync(inWorkspace('figure.papermill.ipynb'), 'utf8'),
      ) as Notebook;
      expect(metadata).toMatchObject({ papermill: { exception: null } });
    },
    3 * minutes,
  );

  it(
    'leaves no kernel behind',
    async () => {
      expect(await processesLeft(workspace.runtime, 20)).toEqual([]);
      expect(await processesLeft(workspace.folder, 5)).toEqual([]);
    },
    minutes,
  );
});

interface Notebook {
  metadata: Record<string, unknown>;
  cells: { cell_type: string; id: string; execution_count?: number; outputs?: Output[] }[];
}

interface Output {
  output_type: string;
  name?: string;
  text?: string | string[];
  data?: Record<string, unknown>;
}

const nbclientProgram = `
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=120).execute()
nbformat.validate(notebook)
nbformat.write(notebook, sys.argv[2])
`;

/** The outputs of test/e2e/fixtures/figure.ipynb, whoever executed it. */
function expectFixtureOutputs(file: string): void {
  const { cells } = JSON.parse(readFileSync(file, 'utf8')) as Notebook;
  const outputs = (id: string) => cells.find((cell) => cell.id === id)?.outputs ?? [];
  const count = cells
    .filter(({ cell_type }) => cell_type === 'code')
    .map(({ execution_count }) => execution_count);
  expect(count).toEqual([1, 2, 3, 4]);
  expect(
    cells.flatMap((cell) => cell.outputs ?? []).filter(({ output_type }) => output_type === 'error'),
  ).toEqual([]);
  expect(outputs('parameters')[0]).toMatchObject({
    output_type: 'execute_result',
    data: { 'text/plain': ['8'] },
  });
  const stream = outputs('squares').find(({ output_type }) => output_type === 'stream');
  expect(stream).toMatchObject({ name: 'stdout', text: ['8 squares\n'] });
  const mimes = (id: string) => outputs(id).flatMap(({ data }) => Object.keys(data ?? {}));
  expect(mimes('checked')).toContain('application/vnd.kernelbook.verify+json');
  expect(mimes('figure')).toEqual(expect.arrayContaining(['application/vnd.plotly.v1+json', 'text/html']));
}
