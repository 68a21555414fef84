/** Reports that point into the notebook's file: the place of every finding, GitHub's annotations, SARIF. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CheckedNotebook, Finding } from '../../scripts/check/finding.js';
import { annotations } from '../../scripts/check/github.js';
import { sarifLog } from '../../scripts/check/sarif.js';
import { CellPlaces } from '../../scripts/notebook/cell-places.js';
import { parseNotebook } from '../../scripts/notebook/read.js';
import { Workplace } from '../run/helpers.js';

const source = 'const a = "\\u00e9\ttab 天";\nlet 😀 = \'end\';\n  wrong;';

function document(cellSource: string | string[], { id = true, indent = 1 } = {}): string {
  const cell = (text: string | string[], name: string) => ({
    cell_type: 'code',
    ...(id && { id: name }),
    metadata: { source: 'no' },
    source: text,
    execution_count: null,
    outputs: [{ output_type: 'stream', name: 'stdout', text: ['"source": wrong'] }],
  });
  const cells = [cell('first();', 'one'), cell(cellSource, 'two')];
  return JSON.stringify({ cells, metadata: {}, nbformat: 4, nbformat_minor: id ? 5 : 4 }, null, indent);
}

/** What stands in the file at the place found for each character of the source. */
function characterAt(text: string, offset: number): string {
  const { line, column } = new CellPlaces(text).at({ id: 'two', number: 2 }, offset);
  const rest = text.split('\n')[line - 1]!.slice(column - 1);
  const written = /^(\\u[\da-f]{4}|\\.|.)/i.exec(rest)![0];
  return written.length === 1 ? written : (JSON.parse(`"${written}"`) as string);
}

describe('places in the file', () => {
  const lines = source.split(/(?<=\n)/);
  const ascii = (text: string) =>
    text.replaceAll(/[^\x20-\x7e\n]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  it.each<[string, string]>([
    ['a list of lines', document(lines)],
    ['one string', document(source)],
    ['no ids', document(lines, { id: false })],
    ['another indent', document(lines, { indent: 4 })],
    ['all in one line', document(lines, { indent: 0 })],
    ['escaped to ASCII', ascii(document(lines))],
    ['lists with empty lines', document(['', ...lines.slice(0, 1), '', ...lines.slice(1)])],
  ])('%s', (_, text) => {
    const cell = parseNotebook(text).cells[1]!;
    expect(cell.source).toBe(source);
    const found = Array.from({ length: source.length }, (_, offset) => characterAt(text, offset)).join('');
    expect(found).toBe(source);
  });

  it('the end of the source is the end of its string', () => {
    const text = document(lines);
    const { line, column } = new CellPlaces(text).at({ id: 'two', number: 9 }, source.length);
    expect(text.split('\n')[line - 1]!.slice(0, column - 1)).toMatch(/wrong;$/);
  });
});

describe('reports', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kernelbook-reports-'));
  const path = join(folder, 'my, book.ipynb');
  let checked: CheckedNotebook;
  beforeAll(() => {
    const text = document(source.split(/(?<=\n)/));
    writeFileSync(path, text);
    const finding: Finding = {
      severity: 'error',
      code: 'TS2304',
      message: 'Cannot find\n100% of: it, sorry',
      cell: { number: 2, id: 'two' },
      start: source.indexOf('wrong'),
      length: 5,
      line: 3,
      column: 3,
      pretty: '',
    };
    const findings: Finding[] = [
      { ...finding, severity: 'warning', code: 'unused-name', start: 6, length: 1, line: 1, column: 7 },
      finding,
      { ...finding, file: 'lib/helper.ts', line: 7, column: 2, length: 4 },
    ];
    checked = { name: 'my, book.ipynb', path, notebook: parseNotebook(text), findings, files: [] };
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const lineOf = (text: string) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .findIndex((line) => line.includes(text)) + 1;

  it('GitHub: the line in the file, everything escaped', async () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      const column = readFileSync(path, 'utf8').split('\n')[lineOf('  wrong;') - 1]!.indexOf('wrong') + 1;
      const [warning, error, elsewhere] = await annotations([checked]);
      expect(warning).toMatch(
        new RegExp(
          `^::warning file=my%2C book\\.ipynb,line=${lineOf('const a')},col=\\d+,endColumn=\\d+,title=unused-name in cell 2 "two"::`,
        ),
      );
      expect(error).toBe(
        `::error file=my%2C book.ipynb,line=${lineOf('  wrong;')},col=${column},endColumn=${column + 5},` +
          'title=TS2304 in cell 2 "two"::Cannot find%0A100%25 of: it, sorry',
      );
      expect(elsewhere).toContain('file=lib/helper.ts,line=7,col=2,endColumn=6,');
    } finally {
      process.chdir(before);
    }
  });

  it('SARIF: what the schema of 2.1.0 asks for', async () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      const log = (await sarifLog([checked], ['broken.ipynb: not a valid notebook'])) as unknown as Sarif;
      expect(log.version).toBe('2.1.0');
      expect(log.$schema).toMatch(/sarif-2\.1\.0\.json$/);
      const run = log.runs[0]!;
      const { driver } = run.tool;
      expect(driver.name).toBe('kernelbook');
      expect(driver.rules.map(({ id }) => id)).toEqual(['TS2304', 'unused-name']);
      for (const { shortDescription } of driver.rules) expect(shortDescription.text).not.toBe('');
      expect(run.results).toHaveLength(3);
      for (const result of run.results) {
        expect(driver.rules[result.ruleIndex]!.id).toBe(result.ruleId);
        expect(['none', 'note', 'warning', 'error']).toContain(result.level);
        expect(result.message.text).not.toBe('');
        const { artifactLocation, region } = result.locations[0]!.physicalLocation;
        expect(artifactLocation.uri).toMatch(/^[\w%./-]+$/);
        expect(region.startLine).toBeGreaterThanOrEqual(1);
        expect(region.startColumn).toBeGreaterThanOrEqual(1);
        expect([region.endLine > region.startLine, region.endColumn > region.startColumn]).toContain(true);
      }
      const { physicalLocation } = run.results[1]!.locations[0]!;
      expect(physicalLocation.artifactLocation.uri).toBe('my%2C%20book.ipynb');
      expect(physicalLocation.region.startLine).toBe(lineOf('  wrong;'));
      expect(run.invocations).toEqual([
        {
          executionSuccessful: false,
          toolExecutionNotifications: [
            { level: 'error', message: { text: 'broken.ipynb: not a valid notebook' } },
          ],
        },
      ]);
    } finally {
      process.chdir(before);
    }
  });
});

interface Sarif {
  $schema: string;
  version: string;
  runs: {
    tool: { driver: { name: string; rules: { id: string; shortDescription: { text: string } }[] } };
    invocations: unknown[];
    results: {
      ruleId: string;
      ruleIndex: number;
      level: string;
      message: { text: string };
      locations: {
        physicalLocation: {
          artifactLocation: { uri: string };
          region: { startLine: number; startColumn: number; endLine: number; endColumn: number };
        };
      }[];
    }[];
  }[];
}

describe('on the command line', () => {
  let place: Workplace;
  beforeAll(async () => {
    place = await Workplace.create();
    await place.notebook('nb/bad.ipynb', 'kernelbook', ['const a = 1;', 'a.size;']);
  });
  afterAll(() => place.remove());

  it('check writes both; the line is that of the source in the file', async () => {
    const args = ['check', 'nb', '--github', '--sarif', 'build/check.sarif'];
    const { status, stdout } = await place.kernelbook(args);
    expect(status).toBe(6);
    const line =
      readFileSync(place.path('nb/bad.ipynb'), 'utf8')
        .split('\n')
        .findIndex((one) => one.includes('a.size')) + 1;
    expect(stdout).toContain(`\n::error file=nb/bad.ipynb,line=${line},col=`);
    const log = JSON.parse(readFileSync(place.path('build/check.sarif'), 'utf8')) as Sarif;
    expect(log.runs[0]!.results.map(({ ruleId }) => ruleId)).toEqual(['TS2339']);
    expect(log.runs[0]!.results[0]!.locations[0]!.physicalLocation.region.startLine).toBe(line);
  });
});
