/**
 * The reports of a run: JUnit by its schema's rules, read by Python's parser; one HTML page that runs and loads nothing;
 * annotations at the failing line of the file; and that an interrupted run has them too.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../kernel/package-root.js';
import type { NotebookReport } from '../../scripts/reports/cells.js';
import { annotationLine } from '../../scripts/reports/github.js';
import { junitXml } from '../../scripts/reports/junit.js';
import { type Finished, Workplace } from '../run/helpers.js';
import { describeRequires } from '../support/requires.js';

let place: Workplace;
let run: Finished;
const text = (file: string) => readFileSync(place.path(file), 'utf8');

beforeAll(async () => {
  place = await Workplace.create();
  const bad = [
    'console.log("<out> & \\u0001\\u001b[31mred\\u001b[0m")',
    "function fail(n: number) {\n  throw new RangeError('too <far>, 100%: ' + n);\n}",
    '// the call\nconst n = 2;\nfail(n);',
    '1',
  ];
  await place.notebook('bad.ipynb', 'kernelbook', bad);
  await place.notebook('good.ipynb', 'kernelbook', [
    '1 + 1',
    ['throw new Error("wanted")', 'raises-exception'],
  ]);
  const check = "import { verify } from 'kernelbook';\nawait verify('sum', 1 + 1, 3, { atol: 0.5 });";
  await place.notebook('check.ipynb', 'kernelbook', ['const golden = 1;\ngolden', check]);
  const names = ['bad.ipynb', 'good.ipynb', 'check.ipynb'];
  run = await place.kernelbook(['run', ...names, '--junit', 'out/j.xml', '--html', 'out/r.html', '--github']);
});
afterAll(() => place.remove());

interface Element {
  tag: string;
  attributes: Record<string, string>;
  text: string | null;
  children: Element[];
}

function parseXml(xml: string): Element {
  const script = [
    'import sys, json, xml.etree.ElementTree as tree',
    'def plain(e): return dict(tag=e.tag, attributes=e.attrib, text=e.text, children=[plain(c) for c in e])',
    'print(json.dumps(plain(tree.fromstring(sys.stdin.buffer.read()))))',
  ].join('\n');
  const python = join(packageRoot(), '.venv', 'bin', 'python');
  return JSON.parse(execFileSync(python, ['-c', script], { input: xml, encoding: 'utf8' })) as Element;
}

/** The rules that the schemas of JUnit reports have in common. */
function expectJunit(root: Element): void {
  const allowed: Record<string, { required: string[]; optional: string[]; order: string[] }> = {
    testsuites: {
      required: [],
      optional: ['name', 'tests', 'failures', 'errors', 'time'],
      order: ['testsuite'],
    },
    testsuite: {
      required: ['name', 'tests', 'failures', 'errors', 'time', 'timestamp', 'hostname', 'id', 'package'],
      optional: ['skipped'],
      order: ['properties', 'testcase'],
    },
    properties: { required: [], optional: [], order: ['property'] },
    property: { required: ['name', 'value'], optional: [], order: [] },
    testcase: {
      required: ['name', 'classname', 'time'],
      optional: [],
      order: ['skipped', 'error', 'failure', 'system-out'],
    },
    skipped: { required: [], optional: ['message'], order: [] },
    error: { required: ['type'], optional: ['message'], order: [] },
    failure: { required: ['type'], optional: ['message'], order: [] },
    'system-out': { required: [], optional: [], order: [] },
  };
  const visit = (element: Element): void => {
    const rule = allowed[element.tag]!;
    const names = Object.keys(element.attributes);
    expect(names).toEqual(expect.arrayContaining(rule.required));
    expect(names.filter((name) => ![...rule.required, ...rule.optional].includes(name))).toEqual([]);
    const places = element.children.map(({ tag }) => rule.order.indexOf(tag));
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places).not.toContain(-1);
    element.children.forEach(visit);
  };
  visit(root);
  for (const suite of root.children) {
    const cases = suite.children.filter(({ tag }) => tag === 'testcase');
    const count = (tag: string) =>
      cases.filter(({ children }) => children.some((one) => one.tag === tag)).length;
    const { tests, failures, errors, skipped, timestamp, time } = suite.attributes;
    expect([tests, failures, errors, skipped]).toEqual(
      [cases.length, count('failure'), count('error'), count('skipped')].map(String),
    );
    expect(timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/);
    expect(time).toMatch(/^\d+\.\d{3}$/);
    for (const one of cases)
      expect(one.children.filter(({ tag }) => tag !== 'system-out').length).toBeLessThanOrEqual(1);
  }
}

describeRequires('venv', 'JUnit XML', () => {
  it('has a suite per notebook and a case per cell', () => {
    expect(run.status).toBe(1);
    const root = parseXml(text('out/j.xml'));
    expectJunit(root);
    const told = root.children.map((suite) => [
      suite.attributes.name,
      ...suite.children
        .filter(({ tag }) => tag === 'testcase')
        .map(
          ({ attributes, children }) => `${attributes.name}${children.map(({ tag }) => ` ${tag}`).join('')}`,
        ),
    ]);
    expect(told).toEqual([
      [
        'bad.ipynb',
        'cell 1 "cell-1" system-out',
        'cell 2 "cell-2"',
        'cell 3 "cell-3" error',
        'cell 4 "cell-4" skipped',
      ],
      ['good.ipynb', 'cell 1 "cell-1"', 'cell 2 "cell-2"'],
      ['check.ipynb', 'cell 1 "cell-1"', 'cell 2 "cell-2" failure'],
    ]);
    const [, first, , third, fourth] = root.children[0]!.children;
    expect(first!.children[0]!.text).toBe('<out> & \ufffdred\n');
    expect(third!.children[0]!.attributes).toEqual({ type: 'RangeError', message: 'too <far>, 100%: 2' });
    expect(third!.children[0]!.text).toContain('at fail (cell 2:2:9)');
    expect(third!.children[0]!.text).not.toContain('\u001b');
    expect(fourth!.children[0]!.attributes.message).toBe('not run: cell 3 failed');
    const unmet = root.children[2]!.children[2]!.children[0]!;
    expect(unmet.attributes.type).toBe('VerificationError');
    expect(unmet.text).toContain('not verified: sum');
  });

  it('is XML whatever a notebook says, and bounded', () => {
    const nasty = '\0\x08\x0c]]>&<"\'\r\n\t\ufffe\ud800 😀';
    const problem = { kind: 'failure' as const, type: nasty, message: nasty, details: [nasty] };
    const report: NotebookReport = {
      result: {
        ...{
          name: `${nasty}.ipynb`,
          output: nasty,
          verdict: 'assertion',
          failure: undefined,
          ran: 1,
          cells: 1,
        },
        ...{ verifications: [], devices: [nasty], seconds: 1, peakMemory: 5 },
      },
      ...{ output: nasty, language: '', started: undefined },
      cells: [
        {
          ...{ number: 1, id: 'a', source: '', seconds: 1, skipped: undefined, problems: [problem, problem] },
          ...{ traceback: 'x'.repeat(1e6), text: nasty, verifications: [], failedAt: undefined },
        },
      ],
      problems: [problem],
    };
    const xml = junitXml([report, { ...report, cells: [], problems: [] }]);
    expect(xml.length).toBeLessThan(20_000);
    const root = parseXml(xml);
    expectJunit(root);
    const [, whole, cell] = root.children[0]!.children;
    expect(whole!.attributes.name).toBe('the notebook');
    expect(cell!.children[1]!.text).toBe('\ufffd\ufffd\ufffd]]>&<"\'\r\n\t\ufffd\ufffd 😀');
    expect(cell!.children[0]!.text).toContain('characters left out');
  });
});

describe('the HTML page', () => {
  it('shows verdicts, the failing cell with its line, traceback and checks', () => {
    const page = text('out/r.html');
    expect(page).toContain('<title>kernelbook run: 2 of 3 notebooks failed</title>');
    expect(page).toMatch(/Cell 3 <code>cell-3<\/code> <small class="soft">line 3, line \d+ of the file/);
    expect(page.match(/<mark>.*?<\/mark>/g)?.map((one) => one.replaceAll(/<[^>]*>/g, ''))).toContain(
      'fail(n);',
    );
    expect(page).toContain('too &lt;far&gt;, 100%: 2');
    expect(page).toContain('at fail (cell 2:2:9)');
    expect(page).toContain('<span class="bad">✗</span> sum');
    expect(page).toContain('prefers-color-scheme:dark');
    expect(page).toContain('@media print');
  });

  it('runs nothing, loads nothing and takes no markup from a notebook', () => {
    const page = text('out/r.html');
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'; img-src data:;`);
    expect(page).not.toMatch(/<script|<iframe|<img|<link rel="stylesheet"|https?:|@import|\son\w+=/i);
    expect(page).not.toMatch(/url\((?!data:)/i);
    expect(page).not.toMatch(/<(?:out|far)>/);
  });
});

describe('annotations for GitHub', () => {
  it('name the file and the line of the failing source line', () => {
    const lines = run.stdout.split('\n').filter((line) => line.startsWith('::'));
    expect(lines).toHaveLength(2);
    const [, line, message] =
      /^::error file=bad\.ipynb,line=(\d+),title=error%3A cell 3 "cell-3"::(.*)$/.exec(lines[0]!)!;
    expect(message).toBe('RangeError: too <far>, 100%25: 2');
    expect(text('bad.ipynb').split('\n')[Number(line) - 1]!.trim()).toBe('"fail(n);"');
    const [, second] = /^::error file=check\.ipynb,line=(\d+),title=assertion%3A cell 2/.exec(lines[1]!)!;
    expect(text('check.ipynb').split('\n')[Number(second) - 1]).toContain('verify(');
  });

  it('are escaped, and name files from the checkout', () => {
    const annotation = {
      ...{ level: 'error' as const, file: 'a,b/x.ipynb', place: {}, title: 'a:b,c%' },
      message: 'x\n\u001b[31m::error::y%\r',
    };
    const env = { GITHUB_WORKSPACE: join(process.cwd(), '..') };
    const folder = process.cwd().split('/').at(-1);
    expect(annotationLine(annotation, env)).toBe(
      `::error file=${folder}/a%2Cb/x.ipynb,title=a%3Ab%2Cc%25::x%0A::error::y%25%0D`,
    );
  });

  it('show the line of a type error, where nothing was run', async () => {
    await place.notebook('types.ipynb', 'kernelbook', ['const a = 1;\nconst b: string = a;']);
    const { status, stdout } = await place.kernelbook([
      'run',
      'types.ipynb',
      '--github',
      '--junit',
      'out/t.xml',
    ]);
    expect(status).toBe(6);
    const [, line] = /^::error file=types\.ipynb,line=(\d+),/m.exec(stdout)!;
    expect(text('types.ipynb').split('\n')[Number(line) - 1]!.trim()).toBe('"const b: string = a;"');
    expect(text('out/t.xml')).toContain('type="CompileError"');
  });
});

describe('reports in the end', () => {
  it('are there after Ctrl-C', async () => {
    await place.notebook('endless.ipynb', 'kernelbook', ['1', "console.log('now'); for (;;) {}", '2']);
    let pid = 0;
    const running = place.kernelbook(
      ['run', 'endless.ipynb', '--junit', 'i.xml', '--html', 'i.html'],
      (id) => {
        pid = id;
      },
    );
    const saved = place.path('build/notebooks/endless.ipynb');
    for (let n = 0; n < 600 && !(existsSync(saved) && readFileSync(saved, 'utf8').includes('now')); n++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    process.kill(pid, 'SIGINT');
    expect((await running).status).toBe(130);
    expect(text('i.xml')).toContain('not run: the run was interrupted');
    expect(text('i.html')).toContain('interrupted');
  });

  it('say where a golden output differs', async () => {
    await place.notebook('gold/g.ipynb', 'kernelbook', ['const value = 1;\nvalue', '2']);
    await place.kernelbook(['run', 'gold', '--update']);
    const changed = text('gold/g.ipynb').replace('value = 1', 'value = 3');
    await place.write('gold/g.ipynb', changed);
    const { status, stdout } = await place.kernelbook(['run', 'gold', '--junit', 'g.xml', '--github']);
    expect(status).toBe(3);
    expect(stdout).toMatch(
      /^::error file=gold\/g\.ipynb,line=\d+,title=assertion%3A cell 1 "cell-1"::GoldenMismatch/m,
    );
    expect(text('g.xml')).toMatch(/<testcase[^>]*cell-1[^>]*><failure [^>]*type="GoldenMismatch"/);
  });

  it('of a run that was refused say so, in the place of those of an earlier run', async () => {
    await place.notebook('one.ipynb', 'kernelbook', [['const steps: number = 1;', 'parameters']]);
    const files = ['--junit', 'refused.xml', '--html', 'refused.html', '--results', 'refused.json'];
    const { status, stdout, stderr } = await place.kernelbook([
      ...['run', 'one.ipynb', '-p', 'step', '2', '--github', ...files],
    ]);
    const why = 'unknown parameter step, did you mean steps? Known in one.ipynb: steps: number';
    expect([status, stderr]).toEqual([2, `kernelbook run: ${why}\n`]);
    expect(stdout).toBe(`::error title=kernelbook run::${why}\n`);
    expect(text('refused.xml')).toContain(
      '<testsuites name="kernelbook run" tests="1" failures="0" errors="1"',
    );
    expect(text('refused.xml')).toContain(`<error message="${why}" type="UsageError">`);
    expect(text('refused.html')).toContain(why);
    expect(JSON.parse(text('refused.json'))).toMatchObject({ error: why, notebooks: [] });
  });

  it('that cannot be written are a fault of their own', async () => {
    await place.notebook('one.ipynb', 'kernelbook', ['1']);
    const unwritable = await place.kernelbook(['run', 'one.ipynb', '--junit', 'one.ipynb/x.xml']);
    expect(unwritable.stderr).toContain('the report one.ipynb/x.xml could not be written');
    expect(unwritable.status).toBe(8);
    const files = ['--results', 'one.ipynb/x.json', '--junit', 'beside.xml'];
    const results = await place.kernelbook(['run', 'one.ipynb', ...files]);
    expect(results.stderr).toMatch(
      /^kernelbook run: the report one.ipynb\/x.json could not be written: .*\n$/,
    );
    expect([results.status, results.stdout.includes('verdict')]).toEqual([8, true]);
    expect(text('beside.xml')).toContain('one.ipynb');
    const folder = await place.kernelbook(['run', 'one.ipynb', '--html', 'out']);
    expect([folder.status, folder.stderr]).toEqual([
      2,
      'kernelbook run: --html out is a folder; name a file\n',
    ]);
    expect(await readdir(place.path('out'))).not.toContain('.tmp');
    const wrong: [string[], string][] = [
      [['--html', 'one.ipynb'], '--html one.ipynb is the name of a notebook; name another file'],
      [['--junit', 'a', '--results', './a'], '--junit and --results both name ./a'],
    ];
    for (const [options, why] of wrong) {
      const { status, stderr } = await place.kernelbook(['run', 'one.ipynb', ...options]);
      expect([status, stderr]).toEqual([2, `kernelbook run: ${why}\n`]);
    }
  });
});
