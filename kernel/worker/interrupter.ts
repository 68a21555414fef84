/**
 * Stops user code from the protocol worker, wherever it is: in a loop, after an await, in a timer or a callback.
 * The V8 inspector pauses the main thread, Node's fatal-error path cleans its async stack, and the debugger resumes
 * with termination. Bare `Runtime.terminateExecution` would abort the process when the code runs under a timer.
 * A thread that answers a ping runs no code: then nothing is done, and the caller abandons the cell. What the abandoned
 * cell left behind, a timer that loops for instance, is known by its asynchronous context.
 */
import { Session } from 'node:inspector';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CellId, contextHook, interruptHook } from '../link.js';
import { log } from '../log.js';
import { endWaitedPrograms } from './waited-programs.js';

interface Attempt {
  anyCode?: boolean;
  /** Only code of these is stopped. */
  cells?: ReadonlySet<CellId>;
  timeoutMs: number;
}
/** The programs that the thread waits for; see `waited-programs.ts`. */
interface WaitedPrograms {
  /** Which wait the thread is in; undefined: in none. */
  currentWait(): number | undefined;
  /** Children of this process that are not among them. */
  spared(): ReadonlySet<number>;
}
interface CallFrame {
  location: { scriptId: string };
}

const kernelFolder = dirname(dirname(fileURLToPath(import.meta.url)));
const pingMs = 60;
/** One attempt waits so long for a pause; native code (a sort, a long copy) pauses only when it returns. */
const attemptMs = 5_000;
const replyMs = 400;
/** A look at whose code is running waits so long for a pause. */
const lookMs = 1_000;
const callHook = (name: string) => `globalThis[Symbol.for(${JSON.stringify(name)})]()`;
/** After so many pauses without a user frame, code of ours that runs on behalf of a cell is stopped too. */
const patientRounds = 5;

export class Interrupter {
  #running: Promise<boolean> | undefined;
  #looking: Promise<void> | undefined;
  /** The wait whose programs were told to end. */
  #ended: number | undefined;

  /**
   * `ping` resolves to whether the main thread answered within the given time; `terminating` is called while the
   * thread is paused, just before its code is terminated.
   */
  constructor(
    readonly ping: (timeoutMs: number) => Promise<boolean>,
    readonly terminating: () => void,
    readonly programs: WaitedPrograms,
  ) {}

  /** Resolves to true as soon as the main thread answers, to false if it has not after `timeoutMs`. */
  interrupt(timeoutMs: number): Promise<boolean> {
    this.#running ??= (this.#looking ?? Promise.resolve())
      .then(() => this.#repeat(timeoutMs))
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  /** Stops what runs now if it runs on behalf of one of these cells. */
  async stopIfOf(cells: ReadonlySet<CellId>): Promise<void> {
    if (this.#running || this.#looking) return;
    this.#looking = this.#terminate({ cells, timeoutMs: lookMs })
      .catch(logFailure)
      .finally(() => {
        this.#looking = undefined;
      });
    await this.#looking;
  }

  async #repeat(timeoutMs: number): Promise<boolean> {
    const until = Date.now() + timeoutMs;
    for (let round = 0; Date.now() < until; round++) {
      if (await this.ping(pingMs)) return true;
      const attempt = this.#terminate({
        anyCode: round >= patientRounds,
        timeoutMs: Math.min(attemptMs, until - Date.now()),
      }).catch(logFailure);
      // The pause is asked for first, so that it is there when the thread goes on.
      this.#endPrograms();
      await attempt;
    }
    return this.ping(pingMs);
  }

  /** No pause reaches a thread that waits for a program: that one is ended, then the pause comes about. */
  #endPrograms(): void {
    const { currentWait, spared } = this.programs;
    const wait = currentWait();
    if (wait === undefined || wait === this.#ended) return;
    this.#ended = wait;
    this.terminating();
    // A cell that comes after this one may wait for a program of its own, which nobody has asked to end.
    endWaitedPrograms(() => currentWait() === wait, spared()).catch(logFailure);
  }

  /** One attempt: pause, look, stop the code if it is the user's, or one of `cells`', let the thread go. */
  async #terminate({ anyCode = false, cells, timeoutMs }: Attempt): Promise<void> {
    const session = new Session();
    session.connectToMainThread();
    const urls = new Map<string, string>();
    const post = (method: string, params: object = {}) =>
      new Promise<unknown>((resolve, reject) => {
        session.post(method, params, (error, result) => (error ? reject(error) : resolve(result)));
      });
    const postInTime = (method: string, params?: object) =>
      Promise.race([post(method, params), after(replyMs)]);
    session.on('Debugger.scriptParsed', ({ params }) => urls.set(params.scriptId, params.url));
    const paused = new Promise<CallFrame[]>((resolve) => {
      session.once('Debugger.paused', ({ params }) => resolve(params.callFrames));
    });
    try {
      // Not awaited: the thread handles them when it next looks, and native code may keep it from that.
      post('Debugger.enable').catch(() => {});
      post('Debugger.pause').catch(() => {});
      // A thread that answers meanwhile has nothing to stop.
      const frames = await Promise.race([paused, this.ping(timeoutMs).then(() => undefined)]);
      const isUsers = frames?.some((frame) => anyCode || isUserCode(urls.get(frame.location.scriptId)));
      if (isUsers && (!cells || cells.has(await runningCell(postInTime)))) {
        await after(0); // what the thread said before it was paused is heard first
        if (!cells) this.terminating();
        await postInTime('Runtime.evaluate', { expression: callHook(interruptHook) });
        await postInTime('Debugger.resume', { terminateOnResume: true });
      } else if (frames) await postInTime('Debugger.resume');
      await postInTime('Debugger.disable');
    } finally {
      session.disconnect();
    }
  }
}

/** Everything but Node's own code and the kernel's counts as the user's: libraries run on the user's behalf. */
function isUserCode(url: string | undefined): boolean {
  if (url === undefined || url.startsWith('node:')) return false;
  const path = url.startsWith('file:') ? fileURLToPath(url) : url;
  return !path.startsWith(kernelFolder);
}

/** The cell on whose behalf the paused thread runs; 0: none. */
async function runningCell(post: (method: string, params: object) => Promise<unknown>): Promise<CellId> {
  const reply = await post('Runtime.evaluate', { expression: callHook(contextHook), returnByValue: true });
  const { result } = (reply ?? {}) as { result?: { value?: unknown } };
  return typeof result?.value === 'number' ? result.value : 0;
}

function logFailure(error: unknown): void {
  log(`interrupt: ${error instanceof Error ? error.message : JSON.stringify(error)}`);
}

function after(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
