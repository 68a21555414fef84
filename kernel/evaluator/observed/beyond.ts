/**
 * Ways out of the process that nobody can follow: other processes and threads, the network, native code that opens files
 * by itself. That they are used is all there is to say.
 */
import childProcess from 'node:child_process';
import dgram from 'node:dgram';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { observe } from './files.js';
import type { Record } from './record.js';

type Functions = { [name: string]: unknown };

/** Native packages that read nothing but what JavaScript gives them, a device, or files of their own. */
const harmless =
  /[\\/]node_modules[\\/](webgpu|zeromq|oxc-\w+|@oxc-\w+|@tensorflow[\\/]tfjs-node(-gpu)?|esbuild|@esbuild|bufferutil|utf-8-validate)[\\/]/;

/** Parts of Node that open files without `fs`. */
const unseen = /^(NativeModule|Internal Binding) (wasi|sqlite)$/;

/** Returns what is to be called when a cell has ended: some things can only be seen then. */
export function observeBeyond(record: Record): () => void {
  const all = (owner: unknown, names: string[], what: string) => {
    for (const name of names) observe(owner as Functions, name, () => record.beyond(what));
  };
  const starts = 'starts another process';
  all(childProcess, ['spawnSync', 'execSync', 'execFileSync'], starts);
  all(childProcess.ChildProcess.prototype, ['spawn'], starts);
  const connects = 'uses the network';
  all(net.Socket.prototype, ['connect'], connects);
  all(net.Server.prototype, ['listen'], connects);
  all(dgram.Socket.prototype, ['bind', 'send', 'connect'], connects);
  all(dns, ['lookup', 'resolve', 'resolve4', 'resolve6', 'reverse'], connects);
  all(dns.promises, ['lookup', 'resolve', 'resolve4', 'resolve6', 'reverse'], connects);
  observe(process as unknown as Functions, 'dlopen', ([, file]) => {
    if (!harmless.test(String(file)) && !record.isKnownLibrary(String(file)))
      record.beyond(`loads native code, ${String(file)}, which may open any file`);
  });
  observe(process as unknown as Functions, 'binding', ([name]) => {
    if (name === 'fs') record.beyond("uses Node's own binding to files");
  });
  process.on('worker', (worker) => {
    // The thread of Node's own in which loader hooks run, ours among them, runs nothing of the notebook.
    if (worker.constructor.name !== 'InternalWorker') record.beyond('starts another thread');
  });
  syncBuiltinESMExports();
  const { moduleLoadList } = process as unknown as { moduleLoadList?: string[] };
  return () => {
    for (const name of moduleLoadList ?? [])
      if (unseen.test(name)) record.beyond(`uses ${name.split(' ').at(-1)}, which opens files by itself`);
  };
}
