/**
 * Who waits for whom, found out by asking: rank 0, when it has waited long, asks all for what they wait in. Ranks answer while they wait or are
 * over. When all do, and nothing has changed between two rounds, nobody can go on.
 */
import type { MpiLibrary } from './library.js';
import type { Progress } from './progress.js';

type Note =
  | { type: 'ask'; round: number }
  | { type: 'state'; round: number; rank: number; waits: string | null; happened: number }
  | { type: 'end'; reason: string };

const noteBytes = 2048;
const longMs = 2_000;
const roundMs = 500;

export class Standstill {
  readonly #waits = new Set<() => string>();
  #over = false;
  #happened = 0;
  #lastChange = performance.now();
  #round = 0;
  #askedAt = 0;
  #states: (Extract<Note, { type: 'state' }> | undefined)[] = [];
  #before = '';

  constructor(
    private readonly libmpi: MpiLibrary,
    private readonly progress: () => Progress,
    /** A communicator of its own. */
    private readonly comm: unknown,
    private readonly rank: number,
    private readonly size: number,
    private readonly onEnd: (reason: string) => void,
  ) {}

  /** Listens for as long as the program runs. */
  async listen(): Promise<void> {
    for (;;) {
      const bytes = Buffer.alloc(noteBytes);
      await this.progress().request(
        (place) =>
          this.libmpi.call(
            'MPI_Irecv',
            bytes,
            noteBytes,
            this.libmpi.handles.byte,
            this.libmpi.abi.anySource,
            0,
            this.comm,
            place,
          ),
        [bytes],
        true,
      );
      this.#take(JSON.parse(bytes.toString('utf8').replace(/\0+$/, '')) as Note);
    }
  }

  async during<T>(what: () => string, promise: Promise<T>): Promise<T> {
    this.#waits.add(what);
    this.#changed();
    try {
      return await promise;
    } finally {
      this.#waits.delete(what);
      this.#changed();
    }
  }

  /** What this rank waits in now. */
  get waits(): string {
    return [...this.#waits].map((what) => what()).join(' and ');
  }

  over(): void {
    this.#over = true;
    this.#changed();
  }

  /** To be called again and again while requests are under way. */
  look(): void {
    if (this.rank !== 0 || this.size === 1 || (this.#waits.size === 0 && !this.#over)) return;
    const now = performance.now();
    if (now - this.#lastChange < longMs || now - this.#askedAt < roundMs) return;
    this.#askedAt = now;
    this.#states = [];
    this.#round++;
    this.#states[0] = this.#own(this.#round);
    for (let rank = 1; rank < this.size; rank++) this.#send(rank, { type: 'ask', round: this.#round });
  }

  #changed(): void {
    this.#happened++;
    this.#lastChange = performance.now();
  }

  #own(round: number): Extract<Note, { type: 'state' }> {
    const waits = this.#over ? null : this.waits;
    return { type: 'state', round, rank: this.rank, waits, happened: this.#happened };
  }

  #take(note: Note): void {
    if (note.type === 'end') this.onEnd(note.reason);
    else if (note.type === 'ask') {
      if (this.#over || this.#waits.size > 0) this.#send(0, this.#own(note.round));
    } else if (note.round === this.#round) {
      this.#states[note.rank] = note;
      this.#judge();
    }
  }

  #judge(): void {
    const states = Array.from({ length: this.size }, (_, rank) => this.#states[rank]);
    if (states.some((state) => state === undefined) || states.every((state) => state!.waits === null)) return;
    const seen = JSON.stringify(states.map((state) => [state!.waits, state!.happened]));
    if (seen !== this.#before) {
      this.#before = seen;
      return;
    }
    const texts = states.map((state, rank) =>
      state!.waits === null ? `rank ${rank} has ended` : `rank ${rank} waits in ${state!.waits}`,
    );
    const reason = `nobody can go on: ${texts.join('; ')}`;
    for (let rank = 1; rank < this.size; rank++) this.#send(rank, { type: 'end', reason });
    this.onEnd(reason);
  }

  #send(to: number, note: Note): void {
    const text = Buffer.from(JSON.stringify(note));
    const bytes = Buffer.alloc(noteBytes);
    // A text too long for its place would be no JSON: what it says is cut instead.
    if (text.length <= noteBytes) text.copy(bytes);
    else Buffer.from(JSON.stringify(shortened(note))).copy(bytes);
    this.progress()
      .request(
        (place) =>
          this.libmpi.call('MPI_Isend', bytes, noteBytes, this.libmpi.handles.byte, to, 0, this.comm, place),
        [bytes],
      )
      .catch(() => {});
  }
}

function shortened(note: Note): Note {
  const cut = (text: string) => `${text.slice(0, 500)}…`;
  if (note.type === 'end') return { ...note, reason: cut(note.reason) };
  return note.type === 'state' && note.waits !== null ? { ...note, waits: cut(note.waits) } : note;
}
