/**
 * Runs a test file on changed sources, in this process: the file and what it imports are bundled with one source
 * replaced, tfjs and the devices stay the ones that are open already, and the tests run in order until one fails.
 */
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { expect } from 'vitest';
import * as backend from '../../src/compute/backend.js';
import * as device from '../../src/compute/device.js';
import * as tfModule from '../../src/compute/tf.js';
import { tf } from '../../src/compute/tf.js';
import type { GpuBackend } from '../../src/compute/webgpu-backend.js';
import * as webgpu from '../../src/compute/webgpu-backend.js';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Failure {
  test: string;
  message: string;
}

type Step = () => unknown;

interface Suite {
  name: string;
  /** Tests and suites in order. */
  children: (Suite | { name: string; run: Step })[];
  before: { all: Step[]; each: Step[] };
  after: { all: Step[]; each: Step[] };
}

const suite = (name: string): Suite => ({
  name,
  children: [],
  before: { all: [], each: [] },
  after: { all: [], each: [] },
});

/** Modules that the bundle takes from here. */
const shared: Record<string, object> = {
  'src/compute/backend.ts': backend,
  'src/compute/device.ts': device,
  'src/compute/tf.ts': tfModule,
  'src/compute/webgpu-backend.ts': webgpu,
};

/**
 * @param test the test file @param source the file that is replaced, and its new text; paths from the root
 * @param on the backend that `eachBackend` runs, which must be the current one
 * @returns the first test that fails, or undefined
 */
export async function firstFailure(
  test: string,
  source: { path: string; text: string } | undefined,
  on: string,
): Promise<Failure | undefined> {
  const code = await bundle(test, source);
  const top = suite('');
  collect(top, code, on);
  const engine = tf.engine();
  const reuse = on === 'webgpu' ? withFreshBuffers(tf.backend() as GpuBackend) : () => {};
  engine.startScope();
  try {
    return await runSuite(top, [], []);
  } finally {
    engine.endScope();
    reuse();
  }
}

/** What a kernel fails to write must not be there already, from an earlier and right result. @returns what undoes it */
function withFreshBuffers({ internals: { bufferManager } }: GpuBackend): () => void {
  const { acquireBuffer } = bufferManager;
  bufferManager.acquireBuffer = (size, usage, mapped) =>
    acquireBuffer.call(bufferManager, size, usage, mapped, false);
  return () => {
    bufferManager.acquireBuffer = acquireBuffer;
  };
}

async function bundle(test: string, source: { path: string; text: string } | undefined): Promise<string> {
  const plugin: Plugin = {
    name: 'mutation',
    setup(setup) {
      setup.onResolve({ filter: /^vitest$|\.js$/ }, ({ path, importer }) => {
        if (path === 'vitest') return { path, external: true };
        const file = relative(root, resolve(dirname(importer), path)).replace(/\.js$/, '.ts');
        const own = file in shared || file === 'test/compute/backends.ts';
        return path.startsWith('.') && own ? { path: file, external: true } : undefined;
      });
      setup.onLoad({ filter: /\.ts$/ }, ({ path }) =>
        source && relative(root, path) === source.path ? { contents: source.text, loader: 'ts' } : undefined,
      );
    },
  };
  const { outputFiles } = await build({
    entryPoints: [join(root, test)],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    packages: 'external',
    define: { 'import.meta.url': JSON.stringify(import.meta.url) },
    logLevel: 'silent',
    plugins: [plugin],
  });
  return outputFiles[0]!.text;
}

/** Evaluates the bundle, which fills `top`. */
function collect(top: Suite, code: string, on: string): void {
  let current = top;
  const describe = (name: string, body: () => void) => {
    const inner = suite(name);
    const outer = current;
    outer.children.push(inner);
    current = inner;
    body();
    current = outer;
  };
  const it = (name: string, run: Step) => current.children.push({ name, run });
  describe.each = each(describe);
  it.each = each(it);
  const vitest = {
    describe,
    it,
    test: it,
    expect,
    beforeAll: (step: Step) => current.before.all.push(step),
    beforeEach: (step: Step) => current.before.each.push(step),
    afterAll: (step: Step) => current.after.all.push(step),
    afterEach: (step: Step) => current.after.each.push(step),
  };
  const backends = {
    eachBackend: (body: (name: string) => void, only: readonly string[] = [on]) => {
      if (only.includes(on)) describe(on, () => body(on));
    },
    hasBackend: (name: string) => name === on,
  };
  const provided: Record<string, object> = { ...shared, vitest, 'test/compute/backends.ts': backends };
  const require = createRequire(import.meta.url);
  new Function('require', 'module', 'exports', code)(
    (name: string): unknown => provided[name] ?? require(name),
    { exports: {} },
    {},
  );
}

/** `it.each` and `describe.each`: once per row, whose values the name and the body take. */
function each(declare: (name: string, body: Step & (() => void)) => void) {
  return <Row>(rows: readonly Row[]) =>
    (name: string, body: (...values: unknown[]) => unknown) => {
      for (const row of rows) {
        const values: unknown[] = Array.isArray(row) ? row : [row];
        declare(format(name, ...values), () => body(...values));
      }
    };
}

/** Runs depth first until something fails; `before` and `after` are the hooks of the suites around. */
async function runSuite(
  { name, children, before, after }: Suite,
  outerBefore: Step[],
  outerAfter: Step[],
): Promise<Failure | undefined> {
  const named = (failure: Failure): Failure => ({
    ...failure,
    test: [name, failure.test].filter(Boolean).join(' > '),
  });
  const [beforeEach, afterEach] = [
    [...outerBefore, ...before.each],
    [...after.each, ...outerAfter],
  ];
  const failed = (error: unknown, test = ''): Failure => ({ test, message: (error as Error).message });
  try {
    for (const step of before.all) await step();
    for (const child of children) {
      if ('children' in child) {
        const failure = await runSuite(child, beforeEach, afterEach);
        if (failure) return named(failure);
        continue;
      }
      try {
        for (const step of beforeEach) await step();
        await child.run();
      } catch (error) {
        return named(failed(error, child.name));
      } finally {
        for (const step of afterEach) await step();
      }
    }
  } catch (error) {
    return named(failed(error));
  } finally {
    for (const step of after.all) await step();
  }
  return undefined;
}
