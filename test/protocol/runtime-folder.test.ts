/** Connection files that a killed process has left: removed when their kernel is certainly gone, and only ours. */
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { newConnection, writeConnectionFile } from '../../kernel/protocol/connection-file.js';
import { newConnectionFile, removeAbandonedConnections } from '../../kernel/protocol/runtime-folder.js';

// No process has a number beyond the limit of the system.
const gone = 999_999_999;
const id = '01234567-89ab-cdef-0123-456789abcdef';

it('removes what nobody uses any more, and nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kernelbook-runtime-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const connection = await newConnection('x');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  const used = { ...connection, hb_port: address !== null && typeof address === 'object' ? address.port : 0 };

  const abandoned = `kernel-kernelbook-${gone}-${id}.json`;
  const kept = [
    basename(newConnectionFile()),
    `kernel-kernelbook-${gone + 1}-${id}.json`, // its kernel answers
    `kernel-kernelbook-${gone + 2}-${id}.json`, // too young
    `kernel-kernelbook-${gone + 3}-${id}.json`, // not readable
    `kernel-${id}.json`,
    `kernel-${gone}.json`,
  ];
  for (const name of [abandoned, ...kept])
    writeConnectionFile(join(folder, name), name === kept[1] ? used : connection);
  await writeFile(join(folder, kept[3]!), 'no JSON');
  const old = Date.now() / 1000 - 3600;
  for (const name of [abandoned, ...kept]) if (name !== kept[2]) await utimes(join(folder, name), old, old);

  await removeAbandonedConnections(folder);
  expect((await readdir(folder)).sort()).toEqual([...kept].sort());
  await removeAbandonedConnections(join(folder, 'absent'));
});
