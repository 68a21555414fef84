/**
 * Our kernel started the way others start kernels: VS Code (its Jupyter extension, re-created here from what its public
 * source does), jupyter_client over Unix sockets, and connection files and folders that are out of the ordinary.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { installKernelSpec } from '../../kernel/install-spec.js';
import { ownKernelSpec } from '../../kernel/kernelspec.js';
import { packageRoot } from '../../kernel/package-root.js';
import { type ConnectionInfo, newConnection } from '../../kernel/protocol/connection-file.js';
import { descendants, processRuns } from '../../scripts/processes.js';
import { patienceMs } from '../support/patience.js';
import { describeRequires } from '../support/requires.js';
import { eventually, Wiretap } from './helpers.js';

let folder: string;
const started: ChildProcess[] = [];
const taps: Wiretap[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kernelbook starts 开始-'));
});
afterEach(() => {
  for (const tap of taps.splice(0)) tap.close();
  for (const child of started.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Started {
  child: ChildProcess;
  connection: ConnectionInfo;
  exit: Promise<number | null>;
  /** What the process itself wrote to stderr. */
  log(): string;
}

/** Writes a connection file, as any client does, and starts the kernel on it. */
async function start(
  change: Partial<ConnectionInfo> = {},
  options: { cwd?: string; program?: string[]; parent?: number } = {},
): Promise<Started> {
  const connection: ConnectionInfo = { ...(await newConnection('kernelbook')), ...change };
  const file = join(folder, `kernel-v2-${randomUUID()}.json`);
  writeFileSync(file, JSON.stringify(connection));
  const [node, main] = ownKernelSpec().argv as [string, string];
  const [program, ...args] = [...(options.program ?? []), node, main, file] as string[];
  // No JPY_PARENT_PID: only Jupyter's own programs set it.
  const { JPY_PARENT_PID: _, ...env } = process.env;
  const child = spawn(program!, args, {
    cwd: options.cwd ?? folder,
    env: { ...env, ...(options.parent !== undefined && { JPY_PARENT_PID: String(options.parent) }) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  let text = '';
  child.stderr!.on('data', (chunk: Buffer) => (text += chunk));
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { child, connection, exit, log: () => text };
}

function attach(connection: ConnectionInfo): Wiretap {
  const tap = new Wiretap({ process: { connection } });
  taps.push(tap);
  return tap;
}

async function execute(tap: Wiretap, code: string): Promise<unknown> {
  const { parent, content } = await tap.request('shell', 'execute', { code });
  const { msg_id: id } = parent as { msg_id: string };
  const [result] = tap.find('execute_result', id);
  return (result?.content as { data: Record<string, unknown> } | undefined)?.data['text/plain'] ?? content;
}

async function looping(tap: Wiretap): Promise<string> {
  const id = await tap.send('shell', 'execute_request', { code: 'console.log("loops"); while (true) {}' });
  await eventually('the loop runs', () => tap.find('stream', id).length > 0);
  return id;
}

const interrupted = (tap: Wiretap, id: string) =>
  eventually('the end of the loop', () =>
    JSON.stringify(tap.find('execute_reply', id)).includes('KeyboardInterrupt'),
  );

describe('as VS Code starts it', () => {
  /** The extension asks whether a port is in use by a plain TCP connection, which it drops. */
  async function portUsed(port: number): Promise<void> {
    let used = false;
    for (const until = Date.now() + patienceMs; !used && Date.now() < until; ) {
      used = await new Promise<boolean>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => {
          socket.destroy();
          resolve(true);
        }).once('error', () => resolve(false));
      });
      if (!used) await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(used).toBe(true);
  }

  /** Ends the processes below the kernel first, then the kernel, all by SIGTERM. */
  async function dispose({ child, exit }: Started): Promise<number | null> {
    for (const pid of descendants(child.pid!)) process.kill(pid, 'SIGTERM');
    child.kill();
    return exit;
  }

  async function launch(): Promise<{ kernel: Started; tap: Wiretap }> {
    const kernel = await start();
    await Promise.all([portUsed(kernel.connection.shell_port), portUsed(kernel.connection.iopub_port)]);
    const tap = attach(kernel.connection);
    await tap.welcomed();
    return { kernel, tap };
  }

  test('headers of its client, an interrupt on shell, one by SIGINT, a restart, and the end', async () => {
    const { kernel, tap } = await launch();
    const message = tap.session.make('kernel_info_request', {});
    Object.assign(message.header, { username: '', subshell_id: null, version: '5.2' });
    await tap.sendFrames('shell', tap.session.encode(message));
    await eventually('kernel_info', () => tap.find('kernel_info_reply', message.header.msg_id).length > 0);
    expect(await execute(tap, 'process.cwd()')).toBe(`'${folder}'`);

    const first = await looping(tap);
    const asked = await tap.send('shell', 'interrupt_request', {}); // not on control
    await interrupted(tap, first);
    await eventually('interrupt_reply and idle', () => {
      return tap.find('interrupt_reply', asked).length > 0 && tap.idle(asked);
    });
    const second = await looping(tap);
    process.kill(kernel.child.pid!, 'SIGINT'); // where a kernelspec says interrupt_mode signal
    await interrupted(tap, second);
    expect(await execute(tap, '6 * 7')).toBe('42');

    // The replacement runs before the old kernel is ended.
    const { kernel: next, tap: nextTap } = await launch();
    const processes = [kernel.child.pid!, ...descendants(kernel.child.pid!)];
    expect(await dispose(kernel)).toBe(0);
    await eventually('nothing is left of it', () => !processes.some(processRuns));
    expect(await execute(nextTap, '6 * 8')).toBe('48');
    expect(await dispose(next)).toBe(0);
    expect([kernel.log(), next.log()]).toEqual(['', '']);
  });
});

test('another loopback address, no key, two clients at once, the same connection file again', async () => {
  const { child, connection, exit } = await start({ ip: '127.0.0.2', key: '' });
  const [one, two] = [attach(connection), attach(connection)];
  await Promise.all([one.welcomed(), two.welcomed()]);
  expect(await Promise.all([execute(one, 'const mine = 1; mine'), execute(two, '2')])).toEqual(['1', '2']);
  expect(await execute(two, 'mine + 1')).toBe('2');
  child.kill('SIGTERM');
  expect(await exit).toBe(0);

  const again = await start(connection);
  await eventually('its clients find the new kernel', () => two.find('iopub_welcome').length > 1);
  expect(await execute(two, '[typeof one, 3]')).toMatchObject({ ename: 'CompileError' });
  expect(await execute(one, '3')).toBe('3');
  again.child.kill('SIGTERM');
  expect(await again.exit).toBe(0);
});

test('sockets in the file system: they work, also over those of a killed kernel, and are gone with the kernel', async () => {
  const place = join(folder, 'kernel-ipc');
  const killed = await start({ transport: 'ipc', ip: place });
  await attach(killed.connection).welcomed();
  killed.child.kill('SIGKILL');
  await killed.exit;
  expect(readdirSync(folder).filter((name) => name.startsWith('kernel-ipc'))).toHaveLength(5);

  const { child, connection, exit } = await start(killed.connection);
  const tap = attach(connection);
  await tap.welcomed();
  expect(await execute(tap, 'process.chdir("/"); 6 * 7')).toBe('42');
  child.kill('SIGTERM');
  expect(await exit).toBe(0);
  expect(readdirSync(folder).filter((name) => name.startsWith('kernel-ipc'))).toEqual([]);
});

test('a working folder that was deleted: cells run in the home folder, and the log says so', async () => {
  const gone = join(folder, 'gone');
  mkdirSync(gone);
  const shell = ['/bin/sh', '-c', 'rmdir "$0" && exec "$@"', gone];
  const { child, connection, exit, log } = await start({}, { cwd: gone, program: shell });
  const tap = attach(connection);
  await tap.welcomed();
  expect(await execute(tap, 'process.cwd() === (await import("node:os")).homedir()')).toBe('true');
  child.kill('SIGTERM');
  expect(await exit).toBe(0);
  expect(log()).toMatch(/^kernelbook kernel: the working folder does not exist any more; cells run in .*\n$/);
});

describeRequires('venv', 'as jupyter_client starts it, over Unix sockets', () => {
  test.each(['message', 'signal'])('interrupt_mode %s', async (mode) => {
    const spec = installKernelSpec(folder, 'kernelbook');
    const file = join(spec, 'kernel.json');
    const kernelspec = JSON.parse(readFileSync(file, 'utf8')) as object;
    writeFileSync(file, JSON.stringify({ ...kernelspec, interrupt_mode: mode }));
    const script = join(import.meta.dirname, 'jupyter_client_start.py');
    const python = join(packageRoot(), '.venv', 'bin', 'python');
    const work = mkdtempSync(join(tmpdir(), 'kb-ipc-')); // the paths of sockets are short
    const child = spawn(python, [script, 'kernelbook', work], {
      env: { ...process.env, JUPYTER_PATH: folder, JUPYTER_PREFER_ENV_PATH: '0' },
    });
    started.push(child);
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk));
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk));
    await new Promise((resolve) => child.once('close', resolve));
    try {
      expect(JSON.parse(output.stdout || 'null'), output.stderr).toEqual({
        value: '42',
        interrupted: 'KeyboardInterrupt',
        after: "'onward'",
        transport: 'ipc',
        sockets: 5,
        restarted: expect.stringContaining("Cannot find name 'before'"),
        runs: false,
        left: [],
      });
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
});

test('a kernel whose server has ended before it could look ends too', async () => {
  const server = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await new Promise((resolve) => server.once('exit', resolve));
  const { exit } = await start({}, { parent: server.pid! });
  expect(await exit).toBe(0);
});
