/**
 * Where the connection files of the kernels we start lie. They are removed with their kernels; what a process has left
 * that was killed itself is removed when another one starts a kernel, once that kernel is certainly gone too.
 */
import { randomUUID } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionInfo, readConnectionFile } from './connection-file.js';
import { isRunning } from './process-running.js';

export function runtimeDir(): string {
  return process.env.JUPYTER_RUNTIME_DIR || join(tmpdir(), `kernelbook-${process.getuid?.() ?? 'user'}`);
}

/** Names the process that starts the kernel: Jupyter's own files, in a folder we may share, are of another form. */
export function newConnectionFile(): string {
  return join(runtimeDir(), `kernel-kernelbook-${process.pid}-${randomUUID()}.json`);
}

const ours = /^kernel-kernelbook-(\d+)-[0-9a-f-]{36}\.json$/;
/** A kernel that has just lost its starter may not have opened its ports yet. */
const youngMs = 60_000;
const patienceMs = 1_000;

/** Never rejects: what cannot be read or removed stays. */
export async function removeAbandonedConnections(folder = runtimeDir(), now = Date.now()): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const starter = ours.exec(name)?.[1];
    if (starter === undefined || isRunning(Number(starter))) continue;
    const file = join(folder, name);
    if (await isAbandoned(file, now).catch(() => false)) await rm(file, { force: true }).catch(() => {});
  }
}

async function isAbandoned(file: string, now: number): Promise<boolean> {
  if (now - (await stat(file)).mtimeMs < youngMs) return false;
  const info = readConnectionFile(file);
  const { shell_port, iopub_port, stdin_port, control_port, hb_port } = info;
  const answers = [shell_port, iopub_port, stdin_port, control_port, hb_port].map((port) =>
    isOpen(info, port),
  );
  return !(await Promise.all(answers)).includes(true);
}

/** Whether anyone listens there. What is neither open nor refused counts as open. */
function isOpen({ ip }: ConnectionInfo, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: ip, port });
    const end = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.setTimeout(patienceMs, () => end(true));
    socket.once('connect', () => end(true));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code !== 'ECONNREFUSED'));
    socket.unref();
  });
}
