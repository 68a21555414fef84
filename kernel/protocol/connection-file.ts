/**
/**
 * Connection files: the JSON by which a client tells a kernel its ports and signing key. TCP and Unix sockets (`ipc`:
 * `ip` is the start of their paths, a port their number) with HMAC-SHA256 are accepted, TCP beyond loopback with a key
 * only; files we write are readable by their owner only.
 */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, isIP, type Server } from 'node:net';
import { dirname, resolve } from 'node:path';
import { readPrivateFile } from './private-file.js';

const portNames = ['shell_port', 'iopub_port', 'stdin_port', 'control_port', 'hb_port'] as const;
type PortName = (typeof portNames)[number];

export interface ConnectionInfo extends Record<PortName, number> {
  transport: 'tcp' | 'ipc';
  ip: string;
  key: string;
  signature_scheme: 'hmac-sha256';
  kernel_name?: string;
}

export class ConnectionFileError extends Error {
  override name = 'ConnectionFileError';
}

/** What the operating system takes as the path of a socket, without the closing zero. */
const longestSocketPath = process.platform === 'darwin' ? 103 : 107;

const loopback = /^(127(\.\d{1,3}){3}|localhost|::1)$/;

/** Whether other machines may reach the kernel. */
export function isPublic(info: ConnectionInfo): boolean {
  return info.transport === 'tcp' && !loopback.test(info.ip);
}

export function readConnectionFile(path: string): ConnectionInfo {
  let text: string;
  try {
    text = readPrivateFile(path);
  } catch (error) {
    throw new ConnectionFileError(`connection file ${path} cannot be read: ${(error as Error).message}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ConnectionFileError(`connection file ${path} is not JSON`);
  }
  return checkConnection(value, path);
}

export function checkConnection(value: unknown, name: string): ConnectionInfo {
  const fail = (what: string): never => {
    throw new ConnectionFileError(`connection file ${name}: ${what}`);
  };
  if (typeof value !== 'object' || value === null) return fail('not a JSON object');
  const info = value as Record<string, unknown>;
  for (const port of portNames) {
    const number = info[port];
    if (!Number.isInteger(number) || (number as number) < 1 || (number as number) > 65_535)
      fail(`${port} is ${JSON.stringify(number)}, a port number from 1 to 65535 is needed`);
  }
  const { transport = 'tcp', ip = '127.0.0.1', key = '', signature_scheme: scheme = 'hmac-sha256' } = info;
  if (transport !== 'tcp' && transport !== 'ipc')
    return fail(`transport is ${JSON.stringify(transport)}, "tcp" and "ipc" are supported`);
  if (typeof ip !== 'string') return fail(`ip is ${JSON.stringify(ip)}, a string is needed`);
  const local = transport === 'ipc' || loopback.test(ip);
  if (!local && isIP(ip) === 0)
    fail(`ip is ${JSON.stringify(ip)}, an IP address is needed, best a loopback address`);
  if (typeof key !== 'string') fail('key is not a string');
  if (key === '' && !local)
    fail(`ip is ${JSON.stringify(ip)} and the key is empty: whoever reaches this machine could run code`);
  if (key !== '' && scheme !== 'hmac-sha256')
    fail(`signature_scheme is ${JSON.stringify(scheme)}, only "hmac-sha256" is supported`);
  const ports = Object.fromEntries(portNames.map((port) => [port, info[port]])) as Record<PortName, number>;
  const kernelName = typeof info.kernel_name === 'string' ? { kernel_name: info.kernel_name } : {};
  // A cell may change the working folder, which must not move the sockets.
  const place = transport === 'ipc' ? resolve(ip) : ip;
  const longest =
    transport === 'ipc' ? Buffer.byteLength(`${place}-${Math.max(...Object.values(ports))}`) : 0;
  if (longest > longestSocketPath)
    fail(
      `a path of ${longest} bytes is too long for a socket: at most ${longestSocketPath} (ip is ${place})`,
    );
  return {
    ...ports,
    transport,
    ip: place,
    key: key as string,
    signature_scheme: 'hmac-sha256',
    ...kernelName,
  };
}

/** Writes with mode 0600 and fails if the file exists: the key must not land in a file someone else prepared. */
export function writeConnectionFile(path: string, info: ConnectionInfo): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, `${JSON.stringify(info, null, 1)}\n`, { mode: 0o600, flag: 'wx' });
}

/** A new connection on free loopback ports with a fresh key. */
export async function newConnection(kernelName: string): Promise<ConnectionInfo> {
  const ports = await freePorts(portNames.length);
  return {
    transport: 'tcp',
    ip: '127.0.0.1',
    key: randomUUID(),
    signature_scheme: 'hmac-sha256',
    kernel_name: kernelName,
    ...(Object.fromEntries(portNames.map((name, i) => [name, ports[i]])) as Record<PortName, number>),
  };
}

/** The files that stand for the sockets of a kernel with transport `ipc`. */
export function socketPaths(info: ConnectionInfo): string[] {
  return info.transport === 'ipc' ? portNames.map((port) => `${info.ip}-${info[port]}`) : [];
}

export function endpoint(info: ConnectionInfo, port: PortName): string {
  if (info.transport === 'ipc') return `ipc://${info.ip}-${info[port]}`;
  const host = info.ip.includes(':') ? `[${info.ip}]` : info.ip;
  return `tcp://${host}:${info[port]}`;
}

/** Ports handed out by this process, so that kernels started in parallel never get the same one. */
const handedOut = new Set<number>();

async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  const ports: number[] = [];
  try {
    while (ports.length < count) {
      const server = createServer();
      servers.push(server);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, '127.0.0.1', resolve);
      });
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('a TCP server has no port');
      if (handedOut.has(address.port)) continue;
      handedOut.add(address.port);
      ports.push(address.port);
    }
  } finally {
    await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  }
  return ports;
}
