/**
 * Lets programs that a cell starts write to the pipes that the protocol worker reads (`output-pipes.ts`), wherever they
 * are to share our stderr, and tells the worker what it cannot see: that something was written before what is printed next,
 * and that the thread waits for a program, so that an interrupt ends this. The same for `writeSync(2, …)` and its like.
 */
import childProcess, { type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

export interface OutputWatch {
  /** What stands for descriptor 2; undefined where there are no pipes. */
  stderr: number | undefined;
  /** Output may have been written past the streams. */
  written(): void;
  /** The thread waits for a program from now on. @param others programs that run beside it */
  waiting(others: number[]): void;
  waited(): void;
}

// biome-ignore lint/suspicious/noExplicitAny: functions of Node of any kind are wrapped alike
type AnyFunction = (this: any, ...args: any[]) => any;
type Stdio = 'inherit' | (string | number | object | null | undefined)[];
interface SpawnOptions {
  stdio?: unknown;
}

const waitingFunctions = ['spawnSync', 'execSync', 'execFileSync'] as const;
const writingFunctions = [
  'write',
  'writeSync',
  'writev',
  'writevSync',
  'writeFile',
  'writeFileSync',
  'appendFile',
  'appendFileSync',
] as const;

export function watchInheritedOutput(watch: OutputWatch): void {
  const running = new Set<number>();

  wrap(childProcess.ChildProcess.prototype, 'spawn', (native) => {
    return function (this: ChildProcess, options: SpawnOptions, ...rest) {
      const result = Reflect.apply(native, this, [withPipes(options, watch), ...rest]);
      const { pid } = this;
      if (pid === undefined) return result;
      running.add(pid);
      this.prependOnceListener('exit', () => {
        running.delete(pid);
        watch.written();
      });
      return result;
    };
  });

  for (const name of waitingFunctions)
    wrap(childProcess, name, (native) => (...args) => {
      watch.waiting([...running]);
      try {
        return native(...args.map((arg) => withPipes(arg, watch)));
      } finally {
        watch.waited();
        watch.written();
      }
    });

  for (const name of writingFunctions)
    wrap(fs, name, (native) => (target, ...rest) => {
      const result = native(target === 2 ? (watch.stderr ?? target) : target, ...rest);
      if (target === 1 || target === 2) watch.written();
      return result;
    });
  syncBuiltinESMExports();
}

/** Options of which the stderr, where it is ours, is the pipe; anything else as it is. */
function withPipes<T>(options: T, { stderr }: OutputWatch): T {
  if (stderr === undefined || typeof options !== 'object' || options === null || Array.isArray(options))
    return options;
  const { stdio } = options as SpawnOptions;
  if (stdio !== 'inherit' && !Array.isArray(stdio)) return options;
  const given: Stdio = stdio === 'inherit' ? ['inherit', 'inherit', 'inherit'] : stdio;
  const isOurs = (item: unknown, index: number) =>
    item === 2 || item === process.stderr || (item === 'inherit' && index === 2);
  return { ...options, stdio: given.map((item, index) => (isOurs(item, index) ? stderr : item)) };
}

/** Puts a function in another's place that looks like it: its name, its length and what `promisify` wants to know. */
function wrap(holder: object, name: string, around: (native: AnyFunction) => AnyFunction): void {
  const functions = holder as Record<string, AnyFunction>;
  const native = functions[name]!;
  const { prototype: _, ...looks } = Object.getOwnPropertyDescriptors(native);
  functions[name] = Object.defineProperties(around(native), looks);
}
