/**
 * Reads the pipes of `output-pipes.ts` and puts what comes between what the cell prints through JavaScript's streams. Those
 * arrive as messages: what was sent before is taken first, and at a message that says so all is read that was written before
 * it, while the thread that sent it waits (`Flow.waitRead`).
 */
import { readSync } from 'node:fs';
import { Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import type { OutputPipes } from '../output-pipes.js';

type Name = 'stdout' | 'stderr';

export interface OutputReaderHost {
  /** Takes the messages that wait. */
  catchUp(): void;
  write(name: Name, text: string): void;
  /** What to wait for before more is read; undefined: nothing. */
  room(): Promise<void> | undefined;
}

/** No pipe holds more; a program that goes on writing must not keep us here. */
const largestPipe = 1024 * 1024;

export class OutputReader {
  readonly #pipes: Pipe[];

  constructor({ stdout, stderr }: OutputPipes['read'], host: OutputReaderHost) {
    this.#pipes = [new Pipe('stdout', stdout, host), new Pipe('stderr', stderr, host)];
  }

  /** Reads all that has been written so far. */
  drain(): void {
    for (const pipe of this.#pipes) pipe.drain();
  }

  close(): void {
    this.drain();
    for (const pipe of this.#pipes) pipe.close();
  }
}

class Pipe {
  readonly #socket: Socket;
  readonly #decoder = new StringDecoder('utf8');
  readonly #block = Buffer.allocUnsafe(64 * 1024);
  /** Read, but not before messages that may have been sent earlier. */
  #held: Buffer[] = [];

  constructor(
    readonly name: Name,
    readonly descriptor: number,
    readonly host: OutputReaderHost,
  ) {
    this.#socket = new Socket({ fd: descriptor, readable: true, writable: false });
    this.#socket.on('error', () => {});
    this.#socket.on('data', (bytes: Buffer) => {
      this.#held.push(bytes);
      host.catchUp();
      this.#release();
      const room = host.room();
      if (!room) return;
      this.#socket.pause();
      void room.then(() => this.#socket.resume());
    });
  }

  drain(): void {
    this.#release();
    for (let read = 0, size = -1; read < largestPipe && size !== 0; read += size) {
      size = this.#read();
      if (size > 0) this.#write(this.#block.subarray(0, size));
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  /** How many bytes lie in the block now; 0 where nothing waits. */
  #read(): number {
    if (this.#socket.destroyed) return 0;
    try {
      return readSync(this.descriptor, this.#block);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      return 0;
    }
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    for (const bytes of held) this.#write(bytes);
  }

  #write(bytes: Buffer): void {
    const text = this.#decoder.write(bytes);
    if (text !== '') this.host.write(this.name, text);
  }
}
