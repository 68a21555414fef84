import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  checkConnection,
  endpoint,
  isPublic,
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
    [{ ip: '0.0.0.0', key: '' }, /ip is "0\.0\.0\.0" and the key is empty/],
    [{ ip: 'example.org' }, /ip is "example.org", an IP address is needed/],
    [{ ip: '127.0.0.1.example.org' }, /an IP address is needed/],
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

describe('a file that others may have written is refused, saying what to do', () => {
  const file = () => join(folder, 'shared.json');
  beforeAll(() => writeFileSync(file(), '{}'));

  test.each([0o666, 0o602])('mode %o', (mode) => {
    chmodSync(file(), mode);
    expect(() => readConnectionFile(file())).toThrow(/others may write it .*chmod 600/);
  });

  test('one that others may only read, or a link to it, passes', () => {
    chmodSync(file(), 0o644);
    symlinkSync(file(), join(folder, 'link.json'));
    expect(() => readConnectionFile(join(folder, 'link.json'))).toThrow(/port number/);
  });

  test('a group that is not the own one of its owner', () => {
    chmodSync(file(), 0o664);
    const { uid, gid } = statSync(file());
    if (uid === gid) expect(() => readConnectionFile(file())).toThrow(/port number/);
    else expect(() => readConnectionFile(file())).toThrow(/others may write it/);
  });

  test('a folder, a pipe, a device, megabytes', () => {
    expect(() => readConnectionFile(folder)).toThrow(/no regular file/);
    expect(() => readConnectionFile('/dev/null')).toThrow(/no regular file/);
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    expect(() => readConnectionFile(join(folder, 'pipe'))).toThrow(/no regular file/);
    writeFileSync(join(folder, 'big.json'), ' '.repeat(100_000));
    expect(() => readConnectionFile(join(folder, 'big.json'))).toThrow(/100000 bytes/);
  });
});

test('beyond loopback: with a key only, and recognised as such', () => {
  const there = { shell_port: 1, iopub_port: 2, stdin_port: 3, control_port: 4, hb_port: 5, key: 'k' };
  expect(isPublic(checkConnection({ ...there, ip: '0.0.0.0' }, 'c.json'))).toBe(true);
  expect(isPublic(checkConnection({ ...there, ip: '127.0.0.9' }, 'c.json'))).toBe(false);
});
