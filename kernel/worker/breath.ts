/**
 * A client that sends several cells in one breath looks at no reply before the last of them is sent. A cell that fails
 * at once is done sooner than that: the next one is made after the failure, though in ignorance of it, and nothing in
 * the request tells so. Hence a failing cell is not answered before its client has fallen silent. Its error is
 * published without delay, and a cell that ran longer than the silence takes is answered at once.
 */

/** On a busy machine a client is put aside for some tens of milliseconds, mostly in the moment in which it has sent. */
export const silenceMs = 60;
/** A client that never falls silent gets its answer all the same. */
export const longestBreathMs = 1_000;

/**
 * Resolves when no request has come for a while.
 *
 * @param latest when the last one came, as `performance.now()` tells
 */
export async function silence(latest: () => number): Promise<void> {
  const end = performance.now() + longestBreathMs;
  for (;;) {
    const rest = Math.min(latest() + silenceMs, end) - performance.now();
    if (rest <= 0) return;
    await new Promise((resolve) => setTimeout(resolve, rest));
  }
}
