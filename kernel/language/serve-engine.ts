/** Serves an engine over stdin and stdout (`remote-protocol.ts`); it ends when its stdin does, so it never outlives the kernel. */
import { createInterface } from 'node:readline';
import type { CheckerEngine } from './checker-engine.js';
import { createEngine } from './create-engine.js';
import { type EngineRequest, type EngineResponse, engineMethods } from './remote-protocol.js';

/** @param prepared an engine out of a start-up snapshot */
export function serveEngine(cwd: string, prepared?: CheckerEngine): void {
  const engine = createEngine({ cwd }, (line) => process.stderr.write(`${line}\n`), prepared);

  function send(response: EngineResponse): void {
    process.stdout.write(`${JSON.stringify(response)}\n`);
  }

  async function answer({ id, method, args, commits }: EngineRequest): Promise<void> {
    try {
      for (const commit of commits) void engine.commit(...commit);
      if (!engineMethods.includes(method)) throw new Error(`engine: no method ${method}`);
      const call = engine[method] as (...args: unknown[]) => unknown;
      send({ id, result: (await call.apply(engine, args)) ?? null });
    } catch (error) {
      send({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  }

  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on('line', (line) => void answer(JSON.parse(line) as EngineRequest));
  lines.on('close', () => process.exit(0));
  // The kernel may be gone before we have said anything.
  process.stdout.on('error', () => process.exit(0));
  // The kernel decides when we end: an interrupt from the terminal reaches the whole process group.
  process.on('SIGINT', () => {});
  send({ ready: true });
}
