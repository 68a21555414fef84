/**
 * A ring of bytes in shared memory, with one writer and one reader in different threads. Both positions only grow; each side
 * writes its own, after the bytes, so that the other never sees a position whose bytes are not there.
 */
export class ByteRing {
  readonly #positions: Int32Array;
  readonly #bytes: Uint8Array;

  /** @param offset in bytes, a multiple of 4 @param capacity a power of two */
  constructor(
    memory: SharedArrayBuffer,
    offset: number,
    readonly capacity: number,
  ) {
    this.#positions = new Int32Array(memory, offset, 2);
    this.#bytes = new Uint8Array(memory, offset + ringHeader, capacity);
  }

  /** Writes as much as there is room for. @returns how many bytes */
  write(source: Uint8Array): number {
    const end = Atomics.load(this.#positions, written);
    const used = (end - Atomics.load(this.#positions, read)) >>> 0;
    const count = Math.min(source.length, this.capacity - used);
    const at = (end >>> 0) % this.capacity;
    const first = Math.min(count, this.capacity - at);
    this.#bytes.set(source.subarray(0, first), at);
    this.#bytes.set(source.subarray(first, count), 0);
    // Positions wrap at 2^32, of which the capacity is a divisor.
    Atomics.store(this.#positions, written, (end + count) | 0);
    return count;
  }

  /** Reads as much as there is, up to the length of `target`. @returns how many bytes */
  read(target: Uint8Array): number {
    const start = Atomics.load(this.#positions, read);
    const available = (Atomics.load(this.#positions, written) - start) >>> 0;
    const count = Math.min(target.length, available);
    const at = (start >>> 0) % this.capacity;
    const first = Math.min(count, this.capacity - at);
    target.set(this.#bytes.subarray(at, at + first));
    target.set(this.#bytes.subarray(0, count - first), first);
    Atomics.store(this.#positions, read, (start + count) | 0);
    return count;
  }
}

const written = 0;
const read = 1;

/** Bytes before those of the ring. */
export const ringHeader = 8;
