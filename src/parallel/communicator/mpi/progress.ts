/** Requests under way: MPI moves data only while it is called, so they are tested in turns between which other code runs. */
import type { MpiLibrary } from './library.js';

interface Request {
  place: BigUint64Array | Int32Array;
  /** What MPI reads and writes must stay where it is. */
  keeps: readonly unknown[];
  resolve(): void;
  reject(error: unknown): void;
}

/** How long to test without letting other code run, and from when on to rest between tests. */
const spinMs = 1;
const restAfterMs = 1_000;

export class Progress {
  readonly #requests = new Set<Request>();
  /** Those that nobody waits for: each test of MPI's takes time from what others wait for. */
  readonly #idle = new Set<Request>();
  readonly #flag = new Int32Array(1);
  #running = false;
  #failure: Error | undefined;

  constructor(
    private readonly libmpi: MpiLibrary,
    /** Called in every turn. */
    private readonly onTurn: () => void,
  ) {}

  /**
   * @param start calls a non-blocking function with the place of its request
   * @param isIdle looks whether it has ended less often
   */
  request(
    start: (place: BigUint64Array | Int32Array) => void,
    keeps: readonly unknown[],
    isIdle = false,
  ): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    const place = this.libmpi.handlePlace();
    return new Promise((resolve, reject) => {
      start(place);
      (isIdle ? this.#idle : this.#requests).add({ place, keeps, resolve, reject });
      if (!this.#running) void this.#run();
    });
  }

  /** All that is under way, and all that would be. */
  fail(error: Error): void {
    this.#failure = error;
    for (const requests of [this.#requests, this.#idle]) {
      for (const { reject } of requests) reject(error);
      requests.clear();
    }
  }

  async #run(): Promise<void> {
    this.#running = true;
    let last = performance.now();
    while (this.#requests.size > 0 || this.#idle.size > 0) {
      const turn = performance.now();
      let ended = this.#test(this.#idle);
      do ended = this.#test(this.#requests) || ended;
      while (!ended && this.#requests.size > 0 && performance.now() - turn < spinMs);
      if (ended) last = performance.now();
      this.onTurn();
      await new Promise((done) => {
        if (performance.now() - last > restAfterMs) setTimeout(done, 1);
        else setImmediate(done);
      });
    }
    this.#running = false;
  }

  /** @returns whether a request has ended */
  #test(requests: Set<Request>): boolean {
    let ended = false;
    for (const request of requests) {
      try {
        this.libmpi.call('MPI_Test', request.place, this.#flag, this.libmpi.abi.ignoreStatus);
        if (this.#flag[0] === 0) continue;
        requests.delete(request);
        request.resolve();
      } catch (error) {
        requests.delete(request);
        request.reject(error);
      }
      ended = true;
    }
    return ended;
  }
}
