#!/usr/bin/env node
/**
 * The kernel process: `node main.js CONNECTION_FILE`. This thread is for user code only; the protocol worker owns
 * the sockets and answers while user code runs. It is shipped as `bundled/main.cjs` (`scripts/bundle-kernel.ts`):
 * nothing that either thread loads may await at its top level.
 */
import { extname } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import { DialectError, dialect } from './dialect.js';
import { observedVariable } from './evaluator/observed/observation.js';
import { workingFolder } from './evaluator/working-folder.js';
import { aheadVariable } from './language/cell-ahead.js';
import { startEngineFor } from './language/engine-child.js';
import { Flow, type WorkerSetup } from './link.js';
import { openOutputPipes } from './output-pipes.js';
import { ConnectionFileError, readConnectionFile } from './protocol/connection-file.js';

function fail(text: string, code: number): never {
  process.stderr.write(`kernelbook kernel: ${text}\n`);
  process.exit(code);
}

// Jupyter's console programs add their own arguments after it: `jupyter run cell.ts` its file.
const file = process.argv.slice(2).find((word) => word !== '-f');
if (file === undefined) fail('usage: main.js CONNECTION_FILE (a Jupyter front end starts this)', 2);

try {
  dialect(); // a wrong choice ends the kernel here, with a word on it
  const flow = new Flow();
  const connection = readConnectionFile(file);
  const cwd = workingFolder();
  const checkedCells = process.env[aheadVariable];
  delete process.env[aheadVariable]; // not for kernels that a cell starts
  const observed = process.env[observedVariable];
  delete process.env[observedVariable];
  const { port1, port2 } = new MessageChannel();
  const engine = checkedCells === undefined ? startEngineFor(cwd, port1, port2) : undefined;
  const pipes = openOutputPipes();
  const setup: WorkerSetup = { connection, cwd, flow: flow.buffer, checkedCells, pipes: pipes?.read, engine };
  const worker = new Worker(new URL(`./worker/worker-start${extname(import.meta.url)}`, import.meta.url), {
    workerData: setup,
    transferList: engine ? [port2] : [],
    // For libuv's signals (signals.ts), and without the warning that Node's internals are used. Cells see none of it.
    execArgv: [...process.execArgv, '--expose-internals', '--disable-warning=internal/test/binding'],
  });
  worker.on('error', (error) => fail(`the protocol worker failed: ${error.stack ?? error}`, 1));
  // Loaded after the worker is under way: kernel_info need not wait for the evaluator.
  void import('./evaluator/user-thread.js').then(({ serveUserCode }) =>
    serveUserCode(worker, cwd, flow, { stderr: pipes?.stderr, observed }),
  );
} catch (error) {
  if (error instanceof ConnectionFileError || error instanceof DialectError) fail(error.message, 2);
  throw error;
}
