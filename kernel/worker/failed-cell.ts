/**
 * A cell that failed aborts what its client sent before it could know of the failure, also what arrives late: on a busy
 * machine any time may pass between two messages of one breath. Whether a request was made before the reply is told
 * by the client's own clock: it cannot have had the reply sooner after making the failing request than the kernel
 * took from that request's arrival to the reply.
 */
import type { Header } from '../protocol/messages.js';

/** Dates are cut off at milliseconds, and no two clocks run alike. */
const toleranceMs = 2;
/** Nothing is later than that; a client's clock that was set back does no harm for longer. */
const breathMs = 10_000;

export class FailedCell {
  readonly #session: string;
  readonly #latest: number;
  readonly #until: number;

  /**
   * @param header of the failing request
   * @param received when it came, as `performance.now()` tells
   * @param replied when its reply is sent
   */
  constructor(header: Header, received: number, replied = performance.now()) {
    const took = Math.min(replied - received, breathMs);
    this.#session = header.session;
    this.#latest = madeAt(header) + Math.max(0, took - toleranceMs);
    this.#until = replied + breathMs;
  }

  /** Whether the request was made before its client could have the reply; false where it does not say when it was made. */
  precedesReply(header: Header, now = performance.now()): boolean {
    return header.session === this.#session && now < this.#until && madeAt(header) <= this.#latest;
  }
}

/** Milliseconds since 1970; NaN for a date that tells no parts of a second, and so says nothing of two requests within one. */
function madeAt({ date }: Header): number {
  return /\.\d{3}/.test(date) ? Date.parse(date) : Number.NaN;
}
