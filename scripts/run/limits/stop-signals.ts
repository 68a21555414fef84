/**
 * Ctrl-C and SIGTERM: the first interrupts what runs, so that it is saved and its kernels end; the second ends this
 * process at once, and its kernels with it.
 */
export interface StopSignals {
  signal: AbortSignal;
  /** The exit status the shell expects after the signal; undefined when none came. */
  exitCode(): number | undefined;
  release(): void;
}

const statuses = { SIGINT: 130, SIGTERM: 143 } as const;

export function stopSignals(onFirst: (line: string) => void): StopSignals {
  const controller = new AbortController();
  let exitCode: number | undefined;
  const handlers = Object.entries(statuses).map(([name, status]) => {
    const handle = () => {
      if (exitCode !== undefined) process.exit(status);
      exitCode = status;
      onFirst('interrupting; what has run so far is being saved (once more to end at once)');
      controller.abort();
    };
    process.on(name, handle);
    return () => process.off(name, handle);
  });
  return {
    signal: controller.signal,
    exitCode: () => exitCode,
    release: () => {
      for (const off of handlers) off();
    },
  };
}
