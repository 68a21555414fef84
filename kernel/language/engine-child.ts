/**
 * The engine's process, and the way it comes to the protocol worker. The main thread starts it before all else, since
 * nothing takes longer until it is ready; the worker, which takes a while to start, gets its pipes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { MessagePort } from 'node:worker_threads';
import type { EngineOptions } from './engine.js';
import { builtFile } from './own-package.js';
import { engineOptions, findSnapshot, snapshotOptions } from './snapshot.js';

export interface EngineChild {
  readonly pid: number | undefined;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The blob it was started from. */
  readonly snapshot: string | undefined;
  kill(signal?: NodeJS.Signals): void;
  /** @param signal what ended it, where it was a signal */
  onEnd(ended: (why: string, signal: NodeJS.Signals | null) => void): void;
}

/** From a snapshot if there is one. */
export function startEngine(options: EngineOptions): EngineChild {
  return started(options, findSnapshot(options));
}

export function startPlainEngine(options: EngineOptions): EngineChild {
  return started(options, undefined);
}

function started(options: EngineOptions, snapshot: string | undefined): EngineChild {
  const child = spawnEngine(options, snapshot);
  return {
    pid: child.pid,
    stdin: child.stdin!,
    stdout: child.stdout!,
    stderr: child.stderr!,
    snapshot,
    kill: (signal) => void child.kill(signal),
    onEnd(ended) {
      child.on('error', (error) => ended(error.message, null));
      child.on('exit', (code, signal) => ended(signal ?? `exit code ${code}`, signal));
    },
  };
}

function spawnEngine({ cwd, env = process.env }: EngineOptions, snapshot: string | undefined): ChildProcess {
  const script = fileURLToPath(builtFile('kernel', 'language', 'engine-process.js'));
  const options = snapshot ? [...snapshotOptions, '--snapshot-blob', snapshot] : engineOptions;
  return spawn(process.execPath, [...options, script, cwd], { stdio: 'pipe', env: environment(env) });
}

/** What costs the engine time for nothing is left out, and what saves it some is added. */
function environment(given: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const env = { ...given };
  // Node parses all certificates of the system when it starts, and the engine connects to nobody.
  delete env.NODE_EXTRA_CA_CERTS;
  // The C library takes huge pages for the blob: it is tens of megabytes, which are read once.
  env.GLIBC_TUNABLES = [env.GLIBC_TUNABLES, 'glibc.malloc.hugetlb=1'].filter(Boolean).join(':');
  return env;
}

/** What the worker needs to know of a process that the main thread started. */
export interface HandedEngine {
  pid: number;
  snapshot: string | undefined;
  descriptors: { stdin: number; stdout: number; stderr: number };
  /** Brings how the process ended: only the thread that started it is told. */
  end: MessagePort;
}

interface EndMessage {
  why: string;
  signal: NodeJS.Signals | null;
}

/** Pipes whose thread has let go of them: they stay open, and nobody reads them there. */
const letGo = new Set<unknown>();

/**
 * Starts the engine for another thread. Undefined where its pipes cannot be handed over: on Windows they have no
 * descriptors, and Node says nowhere that a socket can be parted from its handle.
 */
export function startEngineFor(cwd: string, end: MessagePort, worker: MessagePort): HandedEngine | undefined {
  if (process.platform === 'win32') return undefined;
  const snapshot = findSnapshot({ cwd });
  const child = spawnEngine({ cwd }, snapshot);
  const tell = (why: string, signal: NodeJS.Signals | null) =>
    end.postMessage({ why, signal } satisfies EndMessage);
  child.on('error', (error) => tell(error.message, null));
  child.on('exit', (code, signal) => tell(signal ?? `exit code ${code}`, signal));
  child.unref();
  end.unref();
  const stdin = release(child.stdin);
  const stdout = release(child.stdout);
  const stderr = release(child.stderr);
  if (child.pid === undefined || stdin === undefined || stdout === undefined || stderr === undefined) {
    child.kill();
    return undefined;
  }
  return { pid: child.pid, snapshot, descriptors: { stdin, stdout, stderr }, end: worker };
}

/** Takes a pipe away from this thread's socket; returns its descriptor. */
function release(socket: unknown): number | undefined {
  const inner = socket as { _handle: { fd: number; readStop(): void; unref(): void } | null } | null;
  const handle = inner?._handle;
  if (!inner || !handle || typeof handle.fd !== 'number' || handle.fd < 0) return undefined;
  handle.readStop();
  handle.unref();
  inner._handle = null;
  letGo.add(handle);
  return handle.fd;
}

/** The worker's side. */
export function adoptEngine({ pid, snapshot, descriptors, end }: HandedEngine): EngineChild {
  let running = true;
  const open = (fd: number, writable: boolean) => new Socket({ fd, readable: !writable, writable });
  return {
    pid,
    stdin: open(descriptors.stdin, true),
    stdout: open(descriptors.stdout, false),
    stderr: open(descriptors.stderr, false),
    snapshot,
    kill(signal = 'SIGTERM') {
      if (!running) return;
      try {
        process.kill(pid, signal);
      } catch {
        // It has just ended.
      }
    },
    onEnd(ended) {
      end.once('message', ({ why, signal }: EndMessage) => {
        running = false;
        ended(why, signal);
      });
    },
  };
}
