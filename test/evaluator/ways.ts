/** The ways in which TypeScript comes into a kernel: each gives the value of `result` that a text computes. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Notebook } from './notebook.js';

/** What gives one value however it comes in: the value as JSON, and the text. */
export type Corpus = Record<string, [result: string, text: string]>;

/** Writes what it needs below the folder; returns the cell whose result is the value as JSON. */
type Way = (name: string, text: string, write: (path: string, text: string) => void) => string;

const imported =
  (extension: string): Way =>
  (name, text, write) => {
    write(`${name}${extension}`, `${text}\nexport { result };`);
    return `JSON.stringify((await import('./${name}${extension}')).result)`;
  };

const ways: Record<string, Way> = {
  'as a cell': (_name, text) => `${text}\nJSON.stringify(result)`,
  // First of all imports: nothing may depend on what was imported before.
  'through a linked package': (name, text, write) => {
    write(
      `packages/${name}/package.json`,
      `{ "name": "@mine/${name}", "type": "module", "exports": "./index.ts" }`,
    );
    write(`packages/${name}/index.ts`, `export * from './inner';`);
    write(`packages/${name}/inner.ts`, `${text}\nexport { result };`);
    return `JSON.stringify((await import('@mine/${name}')).result)`;
  },
  ...Object.fromEntries(['.ts', '.mts', '.cts', '.tsx'].map((one) => [`from a ${one}`, imported(one)])),
  'by require': (name, text, write) => {
    write(`required/${name}.ts`, `${text}\nexport { result };`);
    return `JSON.stringify(require('./required/${name}').result)`;
  },
  'in a worker': (name, text, write) => {
    write(
      `workers/${name}.ts`,
      `import { parentPort } from 'node:worker_threads';\n${text}\nparentPort!.postMessage(result);`,
    );
    return `import { Worker } from 'node:worker_threads';
      import { once } from 'node:events';
      JSON.stringify((await once(new Worker(new URL('./workers/${name}.ts', import.meta.url)), 'message'))[0])`;
  },
  'below a worker of JavaScript': (name, text, write) => {
    write(`workers/below-${name}.ts`, `${text}\nexport { result };`);
    write(
      `workers/${name}.mjs`,
      `import { parentPort } from 'node:worker_threads';
      import { result } from './below-${name}.ts';
      parentPort.postMessage(result);`,
    );
    return `import { Worker } from 'node:worker_threads';
      import { once } from 'node:events';
      JSON.stringify((await once(new Worker('./workers/${name}.mjs'), 'message'))[0])`;
  },
};

/** @param except the ways that a text of the corpus cannot go, by its name */
export function testEveryWay(corpus: Corpus, except: Record<string, string[]> = {}): void {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kernelbook-ways-')));
  const before = process.cwd();
  process.chdir(folder);
  afterAll(() => {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  });
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  mkdirSync(join(folder, 'packages'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync('../packages', join(folder, 'node_modules', '@mine'));

  const notebook = new Notebook(folder);
  describe.each(Object.entries(ways))('%s', (way, bring) => {
    it.each(Object.entries(corpus).filter(([name]) => !except[name]?.includes(way)))(
      '%s',
      async (name, [expected, text]) => {
        const code = bring(name.replaceAll(' ', '-'), text, write);
        const { text: result, error, plain } = await notebook.run(code);
        expect(result ?? error ?? plain).toBe(`'${expected}'`);
      },
    );
  });
}
