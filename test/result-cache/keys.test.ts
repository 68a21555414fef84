/** What the key of a result is made of: each part, changed, gives another key; what a run adds gives none. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { ownKernelSpec } from '../../kernel/kernelspec.js';
import type { Notebook } from '../../scripts/notebook/format.js';
import { parseNotebook, readNotebook } from '../../scripts/notebook/read.js';
import { selectNotebooks } from '../../scripts/notebook/select.js';
import { FileHashes } from '../../scripts/result-cache/file-hashes.js';
import { type KeyedJob, type KeyOptions, ResultKeys } from '../../scripts/result-cache/keys.js';
import { buildParts } from '../../scripts/result-cache/surroundings.js';
import { DirectiveError } from '../../scripts/run/cell-directives.js';
import { defaultLimits } from '../../scripts/run/limits/limits.js';
import { noSecrets, Secrets } from '../../scripts/run/parameters/secrets.js';
import type { BackendReport } from '../../src/compute/backend.js';

let folder: string;

interface Case {
  job: KeyedJob;
  options: KeyOptions;
}

async function put(file: string, content: string): Promise<void> {
  await mkdir(dirname(join(folder, file)), { recursive: true });
  await writeFile(join(folder, file), content);
}

function notebookOf(sources: string[], metadata: Record<string, unknown> = {}): Notebook {
  const cells = sources.map((source, index) => ({
    cell_type: 'code',
    id: `cell-${index + 1}`,
    metadata: {},
    source,
    execution_count: null,
    outputs: [],
  }));
  return parseNotebook(JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata, cells }));
}

const sources = [
  "import { helper } from './lib/helper';",
  "import dep from 'dep'; import path from 'node:path';",
  "const data = await import('./data.json'); require('./old.cjs');",
];

const devices = (device: string): BackendReport[] => [{ name: 'webgpu', available: false, reason: device }];

function plain(): Case {
  return {
    job: {
      notebook: notebookOf(sources),
      path: join(folder, 'a.ipynb'),
      cwd: folder,
      spec: ownKernelSpec(),
      env: { LANG: 'C' },
      limits: defaultLimits,
      secrets: noSecrets,
      skips: { notebook: undefined, cells: new Map() },
    },
    options: {
      regression: { golden: 'compare', budgets: {} },
      checked: true,
      probe: { devices: async () => devices('one') },
    },
  };
}

/** The key, or why there is none. */
async function keyOf({ job, options }: Case): Promise<string> {
  const keys = new ResultKeys(options);
  const found = keys.of(job);
  if (found.key === undefined) return found.reason;
  return found.needsDevice ? `${found.key} ${await keys.device(job)}` : found.key;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kernelbook-keys-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await put('lib/helper.ts', "export { helper } from './deep.js';");
  await put('lib/deep.ts', 'export const helper = 1;');
  await put('data.json', '1');
  await put('old.cjs', "module.exports = require('./older.cjs')");
  await put('older.cjs', '1');
  await put('unused.ts', '1');
  await put('package-lock.json', '{}');
  await put('node_modules/dep/package.json', '{"name": "dep", "version": "1.0.0"}');
  await put('golden/a.golden.json', '{}');
});

const edit = (index: number, source: string) => (one: Case) => {
  one.job.notebook.cells[index]!.source = source;
};

const changes: [string, (one: Case) => unknown][] = [
  ['the source of a cell', edit(0, "import { helper } from './lib/helper'; helper")],
  [
    'the tags of a cell',
    ({ job }) => {
      job.notebook.cells[0]!.metadata.tags = ['raises-exception'];
    },
  ],
  [
    'the metadata of a cell',
    ({ job }) => {
      job.notebook.cells[0]!.metadata.kernelbook = { timeout: 5 };
    },
  ],
  [
    'the id of a cell',
    ({ job }) => {
      job.notebook.cells[0]!.id = 'other';
    },
  ],
  [
    'the metadata of the notebook',
    ({ job }) => {
      job.notebook.metadata.title = 'other';
    },
  ],
  [
    'the order of the cells',
    ({ job }) => {
      job.notebook.cells.reverse();
    },
  ],
  [
    'a parameter',
    ({ job }) => {
      job.notebook.cells.push(...notebookOf(['const steps = 2;']).cells);
    },
  ],
  [
    'the place of the notebook',
    ({ job }) => {
      job.path = join(folder, 'b.ipynb');
    },
  ],
  ['a file that is imported by a file', () => put('lib/deep.ts', 'export const helper = 2;')],
  ['its declarations', () => put('lib/deep.d.ts', 'export const helper: number;')],
  ['a file that is required by a file', () => put('older.cjs', '2')],
  ['an imported JSON file', () => put('data.json', '2')],
  [
    'the version of a package',
    () => put('node_modules/dep/package.json', '{"name": "dep", "version": "1.0.1"}'),
  ],
  ['the lock file', () => put('package-lock.json', '{"lockfileVersion": 3}')],
  ['what is installed', () => put('node_modules/.package-lock.json', '{}')],
  ['the golden outputs', () => put('golden/a.golden.json', '{ }')],
  [
    'the comparison with them',
    ({ options }) => {
      options.regression.golden = 'off';
    },
  ],
  [
    'the check before the run',
    ({ options }) => {
      options.checked = false;
    },
  ],
  [
    'the limits',
    ({ job }) => {
      job.limits = { ...defaultLimits, cellMs: 1 };
    },
  ],
  [
    'the kernel',
    ({ job }) => {
      job.spec = { ...job.spec, argv: [...job.spec.argv, '--other'] };
    },
  ],
  [
    'the environment of the kernel',
    ({ job }) => {
      job.spec = { ...job.spec, env: { A: '1' } };
    },
  ],
  [
    'the backend',
    ({ job }) => {
      job.env.KERNELBOOK_BACKEND = 'webgpu';
    },
  ],
  [
    'the adapter',
    ({ job }) => {
      job.env.KERNELBOOK_ADAPTER = 'other';
    },
  ],
  [
    'the locale',
    ({ job }) => {
      job.env.LANG = 'de_DE.UTF-8';
    },
  ],
  [
    'the device',
    ({ options }) => {
      options.probe = { devices: async () => devices('other') };
    },
  ],
];

describe('another key', () => {
  it.each(changes)('for %s', async (_, change) => {
    const before = await keyOf(plain());
    expect(before).toMatch(/^[0-9a-f]{64} [0-9a-f]{64}$/);
    const changed = plain();
    await change(changed);
    const after = await keyOf(changed);
    expect(after).toMatch(/^[0-9a-f]{64} [0-9a-f]{64}$/);
    expect(after).not.toBe(before);
  });

  it('for another build of the package, or other golden cases', async () => {
    const parts = () => JSON.stringify(buildParts(new FileHashes(), folder));
    await put('dist/src/a.js', '1');
    await put('test/golden/a.safetensors', '1');
    const all = [parts()];
    for (const file of ['dist/src/a.js', 'dist/src/b.js', 'dist/src/a.d.ts', 'test/golden/a.safetensors']) {
      await put(file, '2');
      all.push(parts());
    }
    await put('dist/src/a.js.map', '2');
    expect(parts()).toBe(all.at(-1));
    expect(new Set(all).size).toBe(5);
  });
});

describe('the same key', () => {
  it.each<[string, (one: Case) => unknown]>([
    [
      'what a run adds to the notebook',
      ({ job }) => {
        const [cell] = job.notebook.cells;
        if (cell?.cell_type === 'code')
          Object.assign(cell, { execution_count: 3, outputs: [{ output_type: 'stream' }] });
        cell!.metadata.papermill = { duration: 1 };
        job.notebook.metadata.papermill = { start_time: 'now' };
        job.notebook.metadata.kernelbook = { passed: 'key', commit: '1', cached: true };
      },
    ],
    ['a file that nothing imports', () => put('unused.ts', '2')],
    [
      'variables that change no result',
      ({ job }) => {
        Object.assign(job.env, { KERNELBOOK_COMMIT: '1', SHLVL: '3', KERNELBOOK_GATEWAY_TOKEN: 'secret' });
      },
    ],
  ])('whatever is %s', async (_, change) => {
    const before = await keyOf(plain());
    const changed = plain();
    await change(changed);
    expect(await keyOf(changed)).toBe(before);
  });

  it('after the run that changed the notebook', async () => {
    const { job, options } = plain();
    const keys = new ResultKeys(options);
    const before = keys.of(job);
    job.notebook.metadata.language_info = { name: 'typescript', version: '6' };
    expect(keys.of(job)).toEqual(before);
    await put('lib/deep.ts', 'export const helper = 2; // longer');
    expect(keys.of(job)).not.toEqual(before);
  });

  it('on any device, for code that uses no package; on any but the processor, for a backend that has none', async () => {
    const simple = plain();
    simple.job.notebook = notebookOf(["import './lib/helper.ts'; import 'node:path';"]);
    expect(await keyOf(simple)).toMatch(/^[0-9a-f]{64}$/);
    const pinned = (device: string) => {
      const one = plain();
      one.job.env.KERNELBOOK_BACKEND = 'wasm';
      one.options.probe = { devices: async () => devices(device) };
      return keyOf(one);
    };
    expect(await pinned('one')).toBe(await pinned('other'));
  });
});

describe('no key', () => {
  const cells =
    (...sources: string[]) =>
    (one: Case) => {
      one.job.notebook = notebookOf(sources);
    };
  const says = (metadata: Record<string, unknown>) => (one: Case) => {
    one.job.notebook = notebookOf(["import 'node:fs'"], { kernelbook: metadata });
  };
  it.each<[string, (one: Case) => unknown]>([
    [
      'cell 2 imports node:fs/promises, which reaches outside the notebook',
      cells('1', "import 'node:fs/promises'"),
    ],
    ['cell 1 requires child_process, which reaches outside the notebook', cells("require('child_process')")],
    ['cell 1 uses the network (`fetch`)', cells("await fetch('http://localhost')")],
    ['cell 1 uses `process`', cells('const home = process.env.HOME')],
    ['cell 1 uses the network (`fetch`)', cells("await globalThis.fetch('http://localhost')")],
    ['cell 1 uses `globalThis` as a whole', cells("const all = globalThis; globalThis['pro' + 'cess']")],
    ['cell 1 uses `require` for more than it names', cells("const load = require; load('fs')")],
    ['cell 1 requires what only the run names', cells('require(name)')],
    ['cell 1 imports what only the run names', cells('await import(name + ".js")')],
    ['cell 1 has code that cannot be read', cells('let = =')],
    ['cell 1 imports ./made.ts, which is not there before the run', cells("import './made.ts'")],
    ['cell 1 imports nowhere/deep, which is not installed', cells("import 'nowhere/deep'")],
    [
      'cell 1 imports @me/linked, which is linked from elsewhere',
      async (one) => {
        await put('packages/linked/package.json', '{}');
        await mkdir(join(folder, 'node_modules/@me'));
        await symlink(join(folder, 'packages/linked'), join(folder, 'node_modules/@me/linked'));
        cells("import '@me/linked'")(one);
      },
    ],
    [
      '/lib/reads.ts imports fs, which reaches outside the notebook',
      async (one) => {
        await put('lib/reads.ts', "import fs from 'fs'");
        cells("import './lib/reads.ts'")(one);
      },
    ],
    [
      'it has secret parameters',
      ({ job }) => {
        job.secrets = new Secrets(['secret'], 'cell-1', '');
      },
    ],
    [
      'something of it is skipped here',
      ({ job }) => {
        job.skips = { ...job.skips, cells: new Map([['cell-1', '']]) };
      },
    ],
    [
      'it has budgets of time or memory',
      ({ options }) => {
        options.regression.budgets = { maxSeconds: 3 };
      },
    ],
    [
      'it has budgets of time or memory',
      ({ job }) => {
        job.notebook.cells[1]!.metadata.kernelbook = { 'max-seconds': 3 };
      },
    ],
    ['the notebook says so', says({ cache: false })],
    [
      'the notebook says so',
      ({ job }) => {
        job.notebook.cells[1]!.metadata.tags = ['no-cache'];
      },
    ],
    ['kernelbook.cache names none.csv, which is not there', says({ cache: ['none.csv'] })],
    [
      'what a python3 kernel imports is not known',
      ({ job }) => {
        job.spec = { ...job.spec, name: 'python3', argv: ['python3'] };
      },
    ],
  ])('as %s', async (reason, change) => {
    const one = plain();
    await change(one);
    const found = await keyOf(one);
    expect(found.slice(-reason.length)).toBe(reason);
  });

  it('where the notebook says that there may be one, with the files it names', async () => {
    const one = plain();
    await put('data/x.csv', '1');
    says({ cache: ['data'] })(one);
    const before = await keyOf(one);
    expect(before).toMatch(/^[0-9a-f]{64}/);
    await put('data/x.csv', '2');
    const changed = await keyOf(one);
    expect(changed).not.toBe(before);
    await put('data/y.csv', '1');
    expect(await keyOf(one)).not.toBe(changed);
    one.job.spec = { ...one.job.spec, name: 'python3', argv: ['python3'] };
    expect(await keyOf(one)).toMatch(/^[0-9a-f]{64} [0-9a-f]{64}$/);
    for (const cache of ['data', 3, [''], null]) {
      one.job.notebook.metadata.kernelbook = { cache };
      expect(() => new ResultKeys(one.options).of(one.job)).toThrow(DirectiveError);
    }
  });
});

it('takes the local variable, the property and the word for what they are', async () => {
  const one = plain();
  one.job.notebook = notebookOf([
    "// process.env and fetch('x') in words\nconst text = 'fetch eval'; ({ process: 1, eval: 2 }).process; path?.fetch; process.versions.node; globalThis.Array; require('path'); require.resolve('path')",
    'text?',
  ]);
  expect(await keyOf(one)).toMatch(/^[0-9a-f]{64}$/);
});

/** Notebooks that reach outside, and so run every time. */
const reachOutside: Record<string, RegExp> = {
  // It writes its program to a file, which threads and mpirun start.
  '13-collectives.ipynb': /imports node:fs, which reaches outside the notebook$/,
};

it('gives every notebook of the workbook a key, or says what of it reaches outside', async () => {
  for (const { path } of await selectNotebooks(['notebooks'])) {
    const one = plain();
    Object.assign(one.job, { path, cwd: dirname(path), notebook: await readNotebook(path) });
    const expected = reachOutside[basename(path)] ?? /^[0-9a-f]{64} [0-9a-f]{64}$/;
    expect([path, await keyOf(one)]).toEqual([path, expect.stringMatching(expected)]);
  }
});
