/** Messages as bytes: a head of three words, the operation's key and call as text, the numbers. */
import type { Numbers } from '../communicator.js';

export interface Message {
  key: string;
  /** What the sender called; '' between `send` and `receive`. */
  call: string;
  data: Numbers;
}

const headBytes = 12;

/** The parts in the order in which they travel. */
export function encode({ key, call, data }: Message): Uint8Array[] {
  const text = new TextEncoder().encode(`${key}\n${call}`);
  const head = Uint32Array.of(text.length, data.byteLength, data instanceof Float32Array ? 0 : 1);
  return [new Uint8Array(head.buffer), text, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}

/** Puts messages together from bytes as they come. */
export class Decoder {
  #stage: 'head' | 'text' | 'data' = 'head';
  #part = new Uint8Array(headBytes);
  #filled = 0;
  #head = new Uint32Array(3);
  #text = '';

  /** @param read fills an array from its start with what there is @param deliver gets each whole message */
  take(read: (target: Uint8Array) => number, deliver: (message: Message) => void): boolean {
    let any = false;
    for (;;) {
      if (this.#filled < this.#part.length) {
        const count = read(this.#part.subarray(this.#filled));
        if (count === 0) return any;
        any = true;
        this.#filled += count;
        if (this.#filled < this.#part.length) continue;
      }
      this.#advance(deliver);
    }
  }

  #advance(deliver: (message: Message) => void): void {
    const whole = this.#part;
    this.#filled = 0;
    if (this.#stage === 'head') {
      this.#head = new Uint32Array(whole.buffer);
      this.#stage = 'text';
      this.#part = new Uint8Array(this.#head[0]!);
    } else if (this.#stage === 'text') {
      this.#text = new TextDecoder().decode(whole);
      this.#stage = 'data';
      this.#part = new Uint8Array(this.#head[1]!);
    } else {
      const [key, call] = this.#text.split('\n') as [string, string];
      const data = this.#head[2] === 0 ? new Float32Array(whole.buffer) : new Int32Array(whole.buffer);
      this.#stage = 'head';
      this.#part = new Uint8Array(headBytes);
      deliver({ key, call, data });
    }
  }
}
