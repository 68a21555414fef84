/** Output that does not go through JavaScript's streams: of programs that share a cell's, of descriptors, of native code. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KernelClient } from '../../kernel/protocol/client.js';
import { parentId } from '../../kernel/protocol/messages.js';
import { ofType, runCell, startKernel } from './helpers.js';

const folder = mkdtempSync(join(tmpdir(), 'kernelbook-inherited-'));
let kernel: KernelClient;
beforeAll(async () => {
  kernel = await startKernel(undefined, { cwd: folder });
  await runCell(
    kernel,
    `import childProcess, { execFileSync, execSync, fork, spawn, spawnSync } from 'node:child_process';
import fs, { writeSync } from 'node:fs';
const ended = (child: childProcess.ChildProcess) => new Promise<void>((done) => child.on('exit', () => done()));`,
  );
});
afterAll(async () => {
  await kernel?.shutdown();
  rmSync(folder, { recursive: true });
});

const both = 'echo out; echo err >&2';
const ways: Record<string, string> = {
  'execSync, inherit': `execSync('${both}', { stdio: 'inherit' });`,
  'execSync, a list': `execSync('${both}', { stdio: ['ignore', 'inherit', 'inherit'] });`,
  execFileSync: `execFileSync('sh', ['-c', '${both}'], { stdio: 'inherit' });`,
  'spawnSync, descriptors': `spawnSync('sh', ['-c', '${both}'], { stdio: [0, 1, 2] });`,
  'spawnSync, streams': `spawnSync('sh', ['-c', '${both}'], { stdio: ['ignore', process.stdout, process.stderr] });`,
  spawn: `await ended(spawn('sh', ['-c', '${both}'], { stdio: 'inherit' }));`,
  require: `await ended(require('child_process').spawn('${both}', { shell: true, stdio: 'inherit' }));`,
  'writeSync to descriptors': `writeSync(1, 'out\\n'); writeSync(2, 'err\\n');`,
  'writeFileSync to descriptors': `fs.writeFileSync(1, 'out\\n'); fs.appendFileSync(2, 'err\\n');`,
  'write to descriptors': `await new Promise((done) => fs.write(1, 'out\\n', done)); await new Promise((done) => fs.write(2, Buffer.from('err\\n'), done));`,
  '/dev/stdout': `execSync('echo out > /dev/stdout; echo err > /dev/stderr', { stdio: 'inherit' });`,
};

test.each(Object.entries(ways))('%s', async (_, code) => {
  const run = await runCell(kernel, `${code} undefined`);
  expect(run.reply).toMatchObject({ status: 'ok' });
  expect([run.stdout, run.stderr]).toEqual(['out\n', 'err\n']);
});

test('fork, with a message, and a worker thread', async () => {
  writeFileSync(
    join(folder, 'forked.mjs'),
    "console.log('from a fork'); console.error('its error'); process.send('hello'); process.disconnect();",
  );
  const code = `const child = fork('./forked.mjs'); child.on('message', (text) => console.log(text)); await ended(child);
const { Worker } = require('node:worker_threads');
const thread = new Worker('console.log("from a thread")', { eval: true });
await new Promise((done) => thread.on('exit', done)); undefined`;
  const run = await runCell(kernel, code);
  expect(run.stdout.split('\n').sort()).toEqual(['', 'from a fork', 'from a thread', 'hello']);
  expect(run.stderr).toBe('its error\n');
});

test('WebAssembly that writes to descriptor 1', async () => {
  // (func (export "_start") (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))), with "hi\\n" at 8
  const module =
    '0061736d01000000010c0260047f7f7f7f017f60000002230116776173695f736e617073686f745f70726576696577310866645f77726974650000030201010503010001071302066d656d6f72790200065f737461727400010a0f010d00410141004101411410001a0b0b11010041000b0b080000000300000068690a';
  const code = `const { WASI } = require('node:wasi');
const wasi = new WASI({ version: 'preview1' });
const compiled = new WebAssembly.Module(Buffer.from('${module}', 'hex'));
wasi.start(new WebAssembly.Instance(compiled, wasi.getImportObject())); undefined`;
  const run = await runCell(kernel, code);
  expect([run.reply.status, run.stdout]).toEqual(['ok', 'hi\n']);
});

test('the order is that of the writing', async () => {
  const code = `for (let i = 0; i < 20; i++) {
  console.log('js', i);
  execSync(\`echo child \${i}\`, { stdio: 'inherit' });
  writeSync(1, \`descriptor \${i}\\n\`);
}
await ended(spawn('echo', ['last child'], { stdio: 'inherit' }));
console.log('done');`;
  const lines = Array.from({ length: 20 }, (_, i) => [`js ${i}`, `child ${i}`, `descriptor ${i}`]).flat();
  expect((await runCell(kernel, code)).stdout).toBe([...lines, 'last child', 'done', ''].join('\n'));
});

test('much of it arrives whole, while the thread waits, with characters cut by the pipe', async () => {
  const run = await runCell(
    kernel,
    `execSync('seq -f "%.0f π😀" 1 100000', { stdio: 'inherit' }); undefined`,
  );
  expect(run.stdout).toBe(Array.from({ length: 100_000 }, (_, i) => `${i + 1} π😀\n`).join(''));
});

test('it is shown while the program still runs', async () => {
  const seen: string[] = [];
  let shown = () => {};
  const first = new Promise<void>((resolve) => {
    shown = resolve;
  });
  const code = `execSync('echo started; while [ ! -e go ]; do sleep 0.05; done; echo went on', { stdio: 'inherit' }); undefined`;
  const reply = kernel.execute(code, {
    onOutput: (message) => {
      if (message.type === 'stream') seen.push((message.content as { text: string }).text);
      shown();
    },
  });
  await first;
  expect(seen).toEqual(['started\n']);
  writeFileSync(join(folder, 'go'), '');
  expect(await reply).toMatchObject({ status: 'ok' });
  expect(seen.join('')).toBe('started\nwent on\n');
});

test('stdout that is not shared stays with the cell', async () => {
  const run = await runCell(
    kernel,
    `[String(execSync('echo mine')), spawnSync('sh', ['-c', '${both}']).stdout.length, String(execSync('echo piped', { stdio: ['ignore', 'pipe', 'ignore'] }))].join('')`,
  );
  expect(run.result).toBe("'mine\\n4piped\\n'");
  expect([run.stdout, run.stderr]).toEqual(['', '']);
});

test('it has the header of its cell', async () => {
  const run = await runCell(kernel, `execSync('echo shown >&2', { stdio: 'inherit' }); undefined`);
  const [message] = ofType(run.outputs, 'stream');
  expect(message?.content).toEqual({ name: 'stderr', text: 'shown\n' });
  const [request] = ofType((await runCell(kernel, '1')).outputs, 'execute_result');
  expect(parentId(message!)).not.toBe(parentId(request!));
});

test('functions of Node look as they did', async () => {
  const run = await runCell(
    kernel,
    `import { promisify } from 'node:util';
const written = await promisify(fs.write)(1, Buffer.from(''));
[execSync.name, execSync.length, fs.writeSync.name, written.bytesWritten, fs === require('fs'), writeSync === fs.writeSync].join()`,
  );
  expect(run.result).toBe("'execSync,2,writeSync,0,true,true'");
});
