/**
 * What the bench measures. A measure is done in rounds, in each of which every kernel has its turn; one turn gives
 * samples of one or more figures. Steady-state figures have a first turn whose samples are not counted.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cell, Dialect } from './dialect.js';
import { median } from './statistics.js';
import { mustBeOk, NoFigure, type Subject } from './subject.js';

export type Unit = 'ms' | 'MiB' | '×' | 'of 1';

export interface Figure {
  id: FigureId;
  title: string;
  unit: Unit;
}

export type FigureId =
  | 'trivial'
  | 'declaring'
  | 'tensor'
  | 'completion'
  | 'completionAwaiting'
  | 'completionLooping'
  | 'hover'
  | 'lines'
  | 'block'
  | 'typeError'
  | 'memoryStart'
  | 'memoryEnd'
  | 'cellEarly'
  | 'cellLate'
  | 'growth'
  | 'start';

export type Samples = Partial<Record<FigureId, number[]>>;

export interface Measure {
  figures: readonly Figure[];
  /** Turns whose samples count, and turns before them whose samples do not. */
  rounds: number;
  warmUp: number;
  /** Each turn gets a new kernel. */
  fresh?: boolean;
  turn(subject: Subject): Promise<Samples>;
}

export interface Scale {
  rounds: number;
  /** Samples per turn of the short measures. */
  perTurn: number;
  /** Of a long session: the cells that are compared, and how many on either side of each. */
  early: number;
  late: number;
  window: number;
  sessions: number;
  starts: number;
  runningSeconds: number;
  lines: number;
  blockSize: number;
}

export const fullScale: Scale = {
  rounds: 5,
  perTurn: 20,
  early: 50,
  late: 500,
  window: 10,
  sessions: 3,
  starts: 7,
  runningSeconds: 2,
  lines: 20_000,
  blockSize: 4 * 1024 * 1024,
};

/** Shows that everything works; its figures mean little. */
export const quickScale: Scale = {
  ...fullScale,
  rounds: 1,
  perTurn: 5,
  early: 5,
  late: 20,
  window: 2,
  sessions: 1,
  starts: 1,
  runningSeconds: 1,
};

const mebi = 1024 * 1024;
/** For the running cell to be under way. */
const underWayMs = 300;
/** Between completions while a cell runs, as between keystrokes. */
const keystrokeMs = 15;
/** For what a kernel does after its first result to end before its memory is read. */
const settleMs = 1_000;

export function measures(scale: Scale): Measure[] {
  const { rounds, perTurn } = scale;
  const steady = (
    id: FigureId,
    title: string,
    sample: (subject: Subject) => Promise<number>,
    count = perTurn,
  ): Measure => ({
    figures: [{ id, title, unit: 'ms' }],
    rounds,
    warmUp: 1,
    turn: async (subject) => ({ [id]: await repeat(count, () => sample(subject)) }),
  });
  const cells = (id: FigureId, title: string, cell: (dialect: Dialect, i: number) => Cell): Measure =>
    steady(id, title, (subject) => subject.cell(cell(subject.dialect, subject.next())));
  const withTensors = (measure: Measure): Measure => ({
    ...measure,
    turn: async (subject) => {
      await subject.openTensors();
      return measure.turn(subject);
    },
  });
  const completionWhile = (
    id: FigureId,
    title: string,
    code: (dialect: Dialect, seconds: number) => string,
  ): Measure => ({
    figures: [{ id, title, unit: 'ms' }],
    rounds: Math.min(2, rounds),
    warmUp: 0,
    turn: async (subject) => {
      await subject.openTensors();
      await complete(subject);
      const running = code(subject.dialect, scale.runningSeconds);
      return { [id]: await completeWhile(subject, running, scale.runningSeconds, perTurn) };
    },
  });

  return [
    cells('trivial', 'trivial cell, `1 + 1`', (dialect) => dialect.trivial),
    cells('declaring', 'declaring cell with a type', (dialect, i) => dialect.declaring(i)),
    withTensors(cells('tensor', 'tensor cell', (dialect, i) => dialect.tensor(i))),
    withTensors(steady('completion', 'completion, idle', complete)),
    completionWhile('completionAwaiting', 'completion while a cell awaits', (dialect, seconds) =>
      dialect.awaiting(seconds),
    ),
    completionWhile('completionLooping', 'completion while a cell loops', (dialect, seconds) =>
      dialect.looping(seconds),
    ),
    withTensors(steady('hover', 'hover', inspect)),
    steady('lines', `${scale.lines} lines printed`, (subject) => printLines(subject, scale.lines), 1),
    steady(
      'block',
      `${scale.blockSize / mebi} MiB in one output`,
      (subject) => printBlock(subject, scale.blockSize),
      1,
    ),
    {
      figures: [{ id: 'typeError', title: 'type error caught', unit: 'of 1' }],
      rounds: 1,
      warmUp: 0,
      turn: async (subject) => ({ typeError: [(await catchesTypeError(subject)) ? 1 : 0] }),
    },
    {
      figures: [
        { id: 'cellEarly', title: `session: cell ${scale.early} (± ${scale.window})`, unit: 'ms' },
        { id: 'cellLate', title: `session: cell ${scale.late} (± ${scale.window})`, unit: 'ms' },
        { id: 'growth', title: `session: cell ${scale.late} / cell ${scale.early}`, unit: '×' },
        { id: 'memoryStart', title: 'memory after the first result', unit: 'MiB' },
        { id: 'memoryEnd', title: `memory after ${scale.late} cells`, unit: 'MiB' },
      ],
      rounds: scale.sessions,
      warmUp: 0,
      fresh: true,
      turn: (subject) => longSession(subject, scale),
    },
    {
      figures: [{ id: 'start', title: 'start to first result', unit: 'ms' }],
      rounds: scale.starts,
      warmUp: 1,
      fresh: true,
      turn: async (subject) => {
        const started = performance.now();
        await subject.open();
        return { start: [performance.now() - started] };
      },
    },
  ];
}

async function repeat(count: number, sample: () => Promise<number>): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < count; i++) samples.push(await sample());
  return samples;
}

async function complete(subject: Subject): Promise<number> {
  const client = await subject.open();
  const { completable, completion } = subject.dialect;
  const started = performance.now();
  const { matches } = await subject.within(client.complete(completable));
  const ms = performance.now() - started;
  // Some kernels offer the last word, others all that stands before it too.
  if (!matches.some((match) => match.endsWith(completion)))
    throw new NoFigure(`completing ${completable} does not offer ${completion}`);
  return ms;
}

async function completeWhile(
  subject: Subject,
  code: string,
  seconds: number,
  most: number,
): Promise<number[]> {
  const started = performance.now();
  const running = subject.run(code, () => true);
  running.catch(() => {}); // awaited below
  await sleep(underWayMs);
  const left = () => started + seconds * 1000 - performance.now();
  const samples: number[] = [];
  while (samples.length < most && left() > 0) {
    samples.push(await complete(subject));
    await sleep(keystrokeMs);
  }
  // A kernel that answers nothing while it runs a cell takes as long as the cell does.
  if (samples.length < 2) throw new NoFigure('it answers only when the cell has ended');
  mustBeOk(await running);
  return samples;
}

async function inspect(subject: Subject): Promise<number> {
  const client = await subject.open();
  const { inspectable, documented } = subject.dialect;
  const started = performance.now();
  const reply = await subject.within(client.inspect(inspectable));
  const ms = performance.now() - started;
  if (reply.status !== 'ok' || !reply.found || !JSON.stringify(reply.data).includes(documented))
    throw new NoFigure(`a hover over ${inspectable} finds nothing`);
  return ms;
}

async function printLines(subject: Subject, count: number): Promise<number> {
  const last = `line ${count - 1}\n`;
  const ran = await subject.run(subject.dialect.lines(count), (text) => text.endsWith(last));
  mustBeOk(ran);
  const expected = Array.from({ length: count }, (_, i) => `line ${i}\n`).join('');
  if (ran.text !== expected) {
    const came = ran.text.match(/^line \d+$/gm)?.length ?? 0;
    const what = came === count ? 'the lines came in another order' : `${came} of ${count} lines came`;
    throw new NoFigure(`${what} (${Math.round(ran.ms)} ms)`);
  }
  return ran.ms;
}

async function printBlock(subject: Subject, size: number): Promise<number> {
  const ran = await subject.run(subject.dialect.block(size), (text) => text.length > size);
  mustBeOk(ran);
  if (ran.text !== `${'x'.repeat(size)}\n`)
    throw new NoFigure(`${ran.text.length} of ${size + 1} characters came`);
  return ran.ms;
}

async function catchesTypeError(subject: Subject): Promise<boolean> {
  const { typeError } = subject.dialect;
  if (typeof typeError !== 'string') throw new NoFigure(typeError.missing);
  const { ok } = await subject.run(typeError, () => true);
  return !ok;
}

async function longSession(subject: Subject, { early, late, window }: Scale): Promise<Samples> {
  await subject.open();
  await sleep(settleMs);
  const memoryStart = [(await subject.memory()) / mebi];
  const times: number[] = [];
  while (times.length < late + window)
    times.push(await subject.cell(subject.dialect.session(times.length + 1)));
  const memoryEnd = [(await subject.memory()) / mebi];
  const around = (cell: number) => times.slice(cell - 1 - window, cell + window);
  const [cellEarly, cellLate] = [around(early), around(late)];
  return { memoryStart, memoryEnd, cellEarly, cellLate, growth: [median(cellLate) / median(cellEarly)] };
}
