/**
 * How long a test waits for what must come. It ends a test that hangs and says nothing else: on a machine with other
 * work anything may take a hundred times as long as usual. How fast things are is measured by `kernelbook bench`.
 */
export const patienceMs = 300_000;
