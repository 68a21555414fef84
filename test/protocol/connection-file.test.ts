import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  checkConnection,
  endpoint,
  newConnection,
  readConnectionFile,
  writeConnectionFile,
} from '../../kernel/protocol/connection-file.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kernelbook-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('a new connection: free loopback ports, all different, written readable by the owner only', async () => {
  const connections = await Promise.all([newConnection('a'), newConnection('b')]);
  const ports = connections.flatMap((info) => [
    info.shell_port,
    info.iopub_port,
    info.stdin_port,
    info.control_port,
    info.hb_port,
  ]);
  expect(new Set(ports).size).toBe(10);
  expect(connections[0].key).not.toBe(connections[1].key);
  await new Promise<void>((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(ports[0], '127.0.0.1', () => server.close(() => resolve()));
  });

  const file = join(folder, 'deep', 'kernel.json');
  writeConnectionFile(file, connections[0]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'deep')).mode & 0o777).toBe(0o700);
  expect(readConnectionFile(file)).toEqual(connections[0]);
  const before = readFileSync(file, 'utf8');
  expect(() => writeConnectionFile(file, connections[1])).toThrow(/EEXIST/);
  expect(readFileSync(file, 'utf8')).toBe(before);
});

describe('refused, naming the value', () => {
  const good = {
    shell_port: 1,
    iopub_port: 2,
    stdin_port: 3,
    control_port: 4,
    hb_port: 5,
    ip: '127.0.0.1',
    key: 'k',
    transport: 'tcp',
    signature_scheme: 'hmac-sha256',
  };
  test.each([
    [{ hb_port: undefined }, /hb_port is undefined/],
    [{ shell_port: '1' }, /shell_port is "1"/],
    [{ shell_port: 65_536 }, /shell_port is 65536/],
    [{ shell_port: 0 }, /shell_port is 0, a port number from 1/],
    [{ transport: 'udp' }, /transport is "udp", "tcp" and "ipc"/],
    [{ transport: 'ipc', ip: 7 }, /ip is 7/],
    [{ transport: 'ipc', ip: `/tmp/${'long/'.repeat(30)}` }, /too long for a socket/],
    [{ ip: '0.0.0.0' }, /ip is "0\.0\.0\.0", only loopback/],
    [{ ip: '192.168.1.2' }, /only loopback/],
    [{ ip: '127.0.0.1.example.org' }, /only loopback/],
    [{ key: 7 }, /key is not a string/],
    [{ signature_scheme: 'hmac-md5' }, /signature_scheme is "hmac-md5"/],
  ])('%j', (change, message) => {
    expect(() => checkConnection({ ...good, ...change }, 'c.json')).toThrow(message);
  });

  test('a file that is absent, and one that is not JSON', () => {
    expect(() => readConnectionFile(join(folder, 'none.json'))).toThrow(/cannot be read.*ENOENT/);
    const file = join(folder, 'bad.json');
    writeFileSync(file, '{');
    expect(() => readConnectionFile(file)).toThrow(/is not JSON/);
  });

  test('the good one passes, as do another loopback address, no key, and sockets in the file system', () => {
    expect(checkConnection({ ...good, ip: '127.8.9.10', key: '' }, 'c.json')).toMatchObject({
      ip: '127.8.9.10',
      key: '',
    });
    const ipc = checkConnection({ ...good, transport: 'ipc', ip: '/tmp/数 one' }, 'c.json');
    expect(endpoint(ipc, 'hb_port')).toBe('ipc:///tmp/数 one-5');
    const relative = checkConnection({ ...good, transport: 'ipc', ip: 'kernel-ipc' }, 'c.json');
    expect(relative.ip).toBe(join(process.cwd(), 'kernel-ipc'));
    expect(checkConnection(good, 'c.json').shell_port).toBe(1);
    expect(endpoint(checkConnection({ ...good, ip: '::1' }, 'c.json'), 'hb_port')).toBe('tcp://[::1]:5');
  });
});
