/**
 * Runs compiled cells on the main thread (`outcome.ts`: what goes in and out). Callbacks only: an interrupted cell's
 * promises never settle, so nothing of ours may wait for them. Every cell runs in an asynchronous context of its own,
 * which is how late output finds the cell it belongs to.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { CurrentCell, DisplayOptions, MimeBundle } from '../../src/display/display.js';
import type { CommMessage } from '../comms/messages.js';
import { CommRegistry } from '../comms/registry.js';
import type { CompiledCell } from '../language/engine.js';
import { Bindings } from './bindings.js';
import { CellRegistry } from './cell-registry.js';
import { DisplayQueue } from './display-queue.js';
import { errorText, reportError } from './errors.js';
import { installGlobals } from './globals.js';
import { defaultLoaderScript, Importer } from './importer.js';
import { jsonBundle, jsonValue } from './json.js';
import { toBundle } from './mime.js';
import type { CellContext, CellOutcome, EvaluatorHost } from './outcome.js';
import { Results } from './results.js';
import { installStackTraces } from './stack.js';
import { routeTslab } from './tslab.js';
import { installUserWorkers } from './user-workers.js';

export interface EvaluatorOptions<Parent> {
  /** The notebook's folder: imports and `require` resolve from here. */
  cwd: string;
  host: EvaluatorHost<Parent>;
  /** Report exceptions of timers and unhandled rejections to `host.stderr` instead of dying (default true). */
  handleUncaught?: boolean;
}

/** Thrown into the main thread by an interrupt to clean Node's asynchronous stack: never reported. */
export const keyboardInterrupt: Error = Object.assign(new Error('KeyboardInterrupt'), {
  name: 'KeyboardInterrupt',
});

/** What a cell finds as `__cell`. */
interface CellServices extends Pick<Importer, 'import' | 'meta'> {
  /** How many of the names it declares have got their values; the cell counts. */
  ran: number;
}

/** In the dialects of tslab cells share an object `exports`. */
type CellFunction = (cell: CellServices, exports: Record<string, unknown>) => unknown;

interface RunningCell<Parent> {
  parent: Parent;
  /** Puts back the names that have no value yet, and tells which they are. */
  restore(): readonly string[];
}

const restored = (): readonly string[] => [];

interface Context<Parent> extends CellContext<Parent> {
  displays: DisplayQueue;
  /** What the cell displayed: a value that is also its result is not shown a second time. */
  displayed: WeakSet<object>;
  /** What the library knows the cell by; another one after its output was cleared. */
  cell: CurrentCell;
}

export class Evaluator<Parent = unknown> {
  readonly #host: EvaluatorHost<Parent>;
  readonly #registry: CellRegistry;
  readonly #importer: Importer;
  readonly #bindings = new Bindings();
  readonly #results = new Results(this.#bindings);
  readonly #exports: Record<string, unknown> = {};
  readonly #contexts = new AsyncLocalStorage<Context<Parent>>();
  readonly #comms: CommRegistry;
  /** Several where a subshell runs a cell while another one's awaits. */
  readonly #running = new Set<RunningCell<Parent>>();

  constructor({ cwd, host, handleUncaught = true }: EvaluatorOptions<Parent>) {
    this.#host = host;
    this.#registry = new CellRegistry(cwd);
    this.#importer = new Importer(cwd);
    installStackTraces(this.#registry);
    this.#comms = new CommRegistry({
      send: (message) => host.comm?.(message, this.context()),
      report: this.#reportUncaught,
    });
    installUserWorkers();
    routeTslab((bundle, options) => {
      const data = jsonBundle(bundle);
      this.#show(data, options).catch(this.#reportUncaught);
    });
    installGlobals({
      comms: this.#comms,
      publish: this.#publish,
      currentCell: () => this.context()?.cell,
      input: this.#input,
      clearOutput: this.#clearOutput,
      require: this.#importer.require,
    });
    if (!handleUncaught) return;
    process.on('uncaughtException', this.#reportUncaught);
    process.on('unhandledRejection', this.#reportUncaught);
  }

  /** Starts the cell; `done` is called exactly once, unless `abandon` came first. It may be called before `run` returns. */
  run(cell: CompiledCell, parent: Parent, done: (outcome: CellOutcome) => void): void {
    const running: RunningCell<Parent> = { parent, restore: restored };
    this.#running.add(running);
    const context = newContext(cell.count, parent);
    this.#contexts.run(context, () => this.#start(cell, running, context, done));
  }

  /** Calls the listeners of a comm message, in a context of its own as a cell has one. */
  receive(message: CommMessage, parent: Parent): void {
    this.#contexts.run(newContext(0, parent), () => this.#comms.receive(message));
  }

  /**
   * Drops a running cell (it was interrupted): its `done` will not be called, whatever its promises do later. Returns the
   * names it had not given a value yet.
   */
  abandon(parent: Parent): readonly string[] {
    const undone: string[] = [];
    for (const running of this.#running) {
      if (running.parent !== parent) continue;
      this.#running.delete(running);
      undone.push(...running.restore());
      running.restore = restored;
    }
    return undone;
  }

  /** The cell whose code is running now, through awaits and timers. */
  context(): Context<Parent> | undefined {
    return this.#contexts.getStore();
  }

  #start(
    cell: CompiledCell,
    running: RunningCell<Parent>,
    { displays, displayed }: Context<Parent>,
    done: (outcome: CellOutcome) => void,
  ): void {
    const finish = (outcome: CellOutcome): void =>
      displays.whenEmpty(() => {
        if (!this.#running.delete(running)) return;
        running.restore = restored; // timers of the cell must not keep the old values alive
        done(outcome);
      });
    const fail = (error: unknown): void => {
      const undone = this.#running.has(running) ? running.restore() : [];
      finish({ status: 'error', undone, ...reportError(error) });
    };
    const succeed = (data: Awaited<ReturnType<typeof toBundle>>): void =>
      finish(data ? { status: 'ok', result: data } : { status: 'ok' });
    try {
      const services: CellServices = {
        import: this.#importer.import,
        meta: this.#importer.meta,
        ran: 0,
      };
      const restore = this.#bindings.declare(cell.declares);
      running.restore = () => {
        const undone = cell.declares.slice(services.ran);
        restore(undone);
        return undone;
      };
      const fileName = this.#registry.add(cell);
      this.#results.began(cell.count, cell.source);
      const lineOffset = this.#bindings.hasShadows ? -1 : 0;
      const code = this.#bindings.surround(cell.js);
      const start = defaultLoaderScript(code, fileName, lineOffset) as CellFunction;
      whenSettled(start(services, this.#exports), fail, (value) => {
        this.#results.ended(cell.count, value);
        if (isObject(value) && displayed.has(value)) succeed(undefined);
        else whenSettled(toBundle(value), fail, succeed);
      });
    } catch (error) {
      fail(error);
    }
  }

  #publish = async (value: unknown, options: DisplayOptions = {}): Promise<void> => {
    if (isObject(value)) this.context()?.displayed.add(value);
    await this.#show(toBundle(value) ?? { 'text/plain': 'undefined' }, options);
  };

  async #show(bundle: MimeBundle | Promise<MimeBundle>, options: DisplayOptions): Promise<void> {
    const context = this.context();
    const { displayId, update = false } = options;
    const metadata = jsonValue(options.metadata ?? {}, 'the metadata') as Record<string, unknown>;
    const rest = { metadata, update, ...(displayId === undefined ? {} : { displayId }) };
    const displays = context?.displays ?? new DisplayQueue();
    await displays.add(bundle, (data) => this.#host.display({ data, ...rest }, context));
  }

  #clearOutput = (wait: boolean): void => {
    const context = this.context();
    if (context) context.cell = newCell(context.displayed);
    this.#host.clearOutput?.(wait, context);
  };

  #input = async (prompt: string, password: boolean): Promise<string> => {
    if (!this.#host.input)
      throw new Error('input: this front end cannot be asked for input (it allows no stdin)');
    return this.#host.input(prompt, password, this.context());
  };

  #reportUncaught = (error: unknown): void => {
    if (error !== keyboardInterrupt) this.#host.stderr(errorText(error), this.context());
  };
}

function newContext<Parent>(count: number, parent: Parent): Context<Parent> {
  const displayed = new WeakSet<object>();
  return { count, parent, displays: new DisplayQueue(), displayed, cell: newCell(displayed) };
}

function newCell(displayed: WeakSet<object>): CurrentCell {
  return { shown: (value) => void displayed.add(value) };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Calls back at once for a plain value, later for a promise; errors of `then` go to `fail`. */
function whenSettled<T>(
  value: T | PromiseLike<T>,
  fail: (error: unknown) => void,
  then: (value: T) => void,
): void {
  if (!isThenable(value)) {
    then(value);
    return;
  }
  value.then((settled) => {
    try {
      then(settled);
    } catch (error) {
      fail(error);
    }
  }, fail);
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  if (typeof value !== 'object' || value === null) return false;
  try {
    return typeof (value as Partial<PromiseLike<T>>).then === 'function';
  } catch {
    return false; // a proxy that answers nothing is a value too
  }
}
