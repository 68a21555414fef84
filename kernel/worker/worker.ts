/** The protocol worker: puts the kernel's parts together around the sockets, and takes them apart at the end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { Flow, type WorkerSetup } from '../link.js';
import { flushLog, log } from '../log.js';
import { KernelSockets } from '../protocol/sockets.js';
import { Session } from '../protocol/wire.js';
import { CommDesk } from './comm-desk.js';
import { History } from './history.js';
import { HistoryStore, historyFolder } from './history-store.js';
import { InputDesk } from './input.js';
import { Interrupter } from './interrupter.js';
import { Outlet } from './outlet.js';
import { OutputReader } from './output-reader.js';
import { KernelSession } from './session.js';
import { Shells } from './shells.js';
import { watchParent, watchSignals } from './signals.js';
import { UserThreadProxy } from './user-thread-proxy.js';
import { engine, ownPrograms } from './worker-engine.js';

/** After a polite request to end, the user thread may still be in a loop; then the process is killed. */
const exitPatienceMs = 500;
/** For replies to go out before the sockets close, and for ZeroMQ's callbacks to run before the thread is ended. */
const settleMs = 20;

if (!parentPort) throw new Error('worker-start.js is started by main.js as a worker thread');
const { connection, flow: buffer, pipes } = workerData as WorkerSetup;
const flow = new Flow(buffer);

// A fault in one message must not take the kernel down.
process.on('uncaughtException', (error) => log(error.stack ?? String(error)));
process.on('unhandledRejection', (reason) => log(reason instanceof Error ? reason.stack! : String(reason)));

const sockets = new KernelSockets(
  connection,
  new Session(connection.key),
  (channel, received) => session.receive(channel, received),
  () => outlet.repeatStatus(),
);
const outlet = new Outlet(sockets);
const inputs = new InputDesk(sockets);
const folder = historyFolder();
const history = new History(folder === undefined ? undefined : new HistoryStore(folder));
const comms = new CommDesk(outlet, () => thread);
const thread: UserThreadProxy = new UserThreadProxy(parentPort, flow, {
  room: () => sockets.room(),
  stream: ({ id, name, text }) => outlet.stream(id, name, text),
  display: ({ id, output }) => outlet.display(id, output),
  clear: ({ id, wait }) => outlet.clear(id, wait),
  input: ({ id, request, prompt, password }) => {
    const origin = outlet.origin(id);
    if (!origin) return;
    outlet.flush(); // what was printed before the question is shown before it
    inputs.ask({
      origin,
      prompt,
      password,
      answer: (value) => thread.post({ kind: 'input', request, value }),
    });
  },
  comm: ({ id, message }) => comms.send(id, message),
  handled: ({ id }) => comms.handled(id),
  written: () => reader?.drain(),
  exiting: (code) => {
    shells.fail({
      ename: 'KernelExit',
      evalue: `the kernel process ended with exit code ${code}`,
      traceback: [`KernelExit: the kernel process ended with exit code ${code}`],
    });
    void sleep(settleMs).then(close);
  },
});
const reader =
  pipes &&
  new OutputReader(pipes, {
    catchUp: () => thread.catchUp(),
    write: (name, text) => outlet.stream(undefined, name, text),
    room: () => sockets.room(),
  });
const interrupter = new Interrupter(
  (timeoutMs) => thread.ping(timeoutMs),
  () => shells.terminating(),
  {
    currentWait: () => thread.currentWait,
    spared: () => new Set([...thread.otherPrograms, ...ownPrograms()]),
  },
);
const shells = new Shells({ outlet, engine, thread, interrupter, history });
const session = new KernelSession({
  sockets,
  outlet,
  engine,
  shells,
  history,
  inputs,
  comms,
  stuck: () => {
    outlet.stream(
      undefined,
      'stderr',
      'The cell did not stop at the interrupt; the kernel ends so that it can be restarted.\n',
    );
    void shutdown();
  },
  shutdown: () => void shutdown(),
});

async function close(): Promise<void> {
  reader?.close();
  outlet.flush();
  history.flush();
  await sockets.sent();
  engine.close();
  sockets.close();
  flushLog();
  await sleep(settleMs);
  flow.close();
}

async function shutdown(): Promise<void> {
  await close();
  thread.post({ kind: 'exit', code: 0 });
  await sleep(exitPatienceMs);
  process.kill(process.pid, 'SIGKILL');
}

watchSignals({
  interrupt: () =>
    void shells.interrupt().then((free) => {
      inputs.cancel();
      void comms.settle();
      if (!free) log('the interrupt did not stop the running code');
    }),
  terminate: () => void shutdown(),
});
watchParent(() => void shutdown());

sockets.bind().then(
  () => outlet.publish('status', { execution_state: 'starting' }, {}),
  (error: Error) => {
    log(`the sockets could not be opened: ${error.message}`);
    sockets.close();
    flow.close();
    thread.post({ kind: 'exit', code: 1 });
  },
);
