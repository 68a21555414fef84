/**
 * Sends over one ZeroMQ socket, one message after the other. The socket itself refuses a second message while one is
 * under way, and one is under way from the 513th of a burst on: that message would be lost.
 */
import type { Router, XPublisher } from 'zeromq';

export class SendQueue {
  #waiting: Buffer[][] = [];
  #sending: Promise<void> | undefined;

  constructor(
    readonly socket: Router | XPublisher,
    readonly onError: (error: Error) => void,
  ) {}

  send(frames: Buffer[]): void {
    this.#waiting.push(frames);
    this.#sending ??= this.#drain();
  }

  /** Resolves when ZeroMQ has taken all messages. */
  async sent(): Promise<void> {
    await this.#sending;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0 && !this.socket.closed) {
      const batch = this.#waiting;
      this.#waiting = [];
      for (const frames of batch) {
        try {
          await this.socket.send(frames);
        } catch (error) {
          this.onError(error as Error);
        }
      }
    }
    this.#sending = undefined;
  }
}
