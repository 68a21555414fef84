/**
 * The memory that ranks in threads share: a bell for each rank, what each waits in, why all are to end, and a ring of bytes from each
 * rank to each other.
 */
import { ByteRing, ringHeader } from './byte-ring.js';

export const rankState = { running: 0, waiting: 1, over: 2 } as const;

const common = 2;
const perRank = 5;
const textBytes = 1024;
const ringCapacity = 2 ** 18;

export interface SharedMemory {
  size: number;
  memory: SharedArrayBuffer;
}

export class SharedWorld {
  readonly size: number;
  readonly memory: SharedArrayBuffer;
  /** [ended, length of its text], then for each rank: bell, state, how much has happened, length of its text, messages under way to it. */
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #rings: ByteRing[];

  constructor({ size, memory }: SharedMemory) {
    this.size = size;
    this.memory = memory;
    this.#words = new Int32Array(memory, 0, common + perRank * size);
    const start = ringsOffset(size);
    this.#rings = Array.from(
      { length: size * size },
      (_, n) => new ByteRing(memory, start + n * (ringHeader + ringCapacity), ringCapacity),
    );
  }

  static make(size: number): SharedWorld {
    const bytes = ringsOffset(size) + size * size * (ringHeader + ringCapacity);
    return new SharedWorld({ size, memory: new SharedArrayBuffer(bytes) });
  }

  ring(from: number, to: number): ByteRing {
    return this.#rings[from * this.size + to]!;
  }

  /** What to wait on, and its value now. */
  bell(rank: number): { words: Int32Array<SharedArrayBuffer>; index: number; value: number } {
    const index = this.#of(rank);
    return { words: this.#words, index, value: Atomics.load(this.#words, index) };
  }

  call(rank: number): void {
    Atomics.add(this.#words, this.#of(rank), 1);
    Atomics.notify(this.#words, this.#of(rank));
  }

  /** Something has changed that may let a rank go on. */
  happened(rank: number): void {
    Atomics.add(this.#words, this.#of(rank) + 2, 1);
  }

  set(rank: number, state: number, text = ''): void {
    this.#write(1 + rank, text, this.#of(rank) + 3);
    Atomics.store(this.#words, this.#of(rank) + 1, state);
  }

  /** All that can be seen of a rank from outside. */
  look(rank: number): { state: number; happened: number; underWay: number; text: string } {
    const at = this.#of(rank);
    return {
      state: Atomics.load(this.#words, at + 1),
      happened: Atomics.load(this.#words, at + 2),
      underWay: Atomics.load(this.#words, at + 4),
      text: this.#read(1 + rank, at + 3),
    };
  }

  /** To a rank; from `post` on until it is whole there. */
  underWay(to: number, change: 1 | -1): void {
    Atomics.add(this.#words, this.#of(to) + 4, change);
  }

  /** Ends all ranks, for this reason; the first one stands. */
  end(reason: string): void {
    if (Atomics.load(this.#words, 0) !== 0) return;
    this.#write(0, reason, 1);
    Atomics.store(this.#words, 0, 1);
    for (let rank = 0; rank < this.size; rank++) this.call(rank);
  }

  get ended(): string | undefined {
    return Atomics.load(this.#words, 0) === 0 ? undefined : this.#read(0, 1);
  }

  #of(rank: number): number {
    return common + perRank * rank;
  }

  #write(slot: number, text: string, lengthAt: number): void {
    const bytes = new TextEncoder().encode(text).subarray(0, textBytes);
    new Uint8Array(this.memory, textsOffset(this.size) + slot * textBytes, textBytes).set(bytes);
    Atomics.store(this.#words, lengthAt, bytes.length);
  }

  #read(slot: number, lengthAt: number): string {
    const length = Atomics.load(this.#words, lengthAt);
    const shared = new Uint8Array(this.memory, textsOffset(this.size) + slot * textBytes, length);
    return new TextDecoder().decode(shared.slice());
  }
}

function textsOffset(size: number): number {
  return 4 * (common + perRank * size);
}

function ringsOffset(size: number): number {
  return textsOffset(size) + (size + 1) * textBytes;
}
