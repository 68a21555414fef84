/**
 * Fetches SwiftShader for machines without a Vulkan driver, from an npm package that ships it for a browser, by the user's
 * own npm and its settings. Needs neither root nor a compiler; deleting the folder undoes it. `KERNELBOOK_NO_DOWNLOAD=1`
 * forbids it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { hasSoftwareVulkan, softwareVulkanFolder } from '../../src/compute/software-vulkan.js';

const source = {
  name: '@sparticuz/chromium@153.0.0',
  size: '70 MB',
  integrity:
    'sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==',
  archive: 'package/bin/swiftshader.tar.br',
};
/** SHA-256 of what is kept of it. */
const libraries = {
  'libvk_swiftshader.so': '2f3ceffaaca7d031bc3943f8eacf398a5d9c42c5fe0d15d8840b9acfa630b58e',
  'libvulkan.so.1': '8ee5ac00fd7968e863b05e0f6808057db16a00ad322777e5a05bed51d4f84085',
};

/** How long a registry may take to answer at all, and to send the package. */
const answerMs = 15_000;
const downloadMs = 10 * 60_000;

export interface Fetching {
  say: (line: string) => void;
  signal?: AbortSignal;
  env?: NodeJS.ProcessEnv;
  /** Instead of npm and the package above, for tests. */
  pack?: (folder: string, signal: AbortSignal | undefined) => Promise<string>;
  expected?: { integrity: string; libraries: Record<string, string> };
}

/** Undefined when it is there; else why not, in one line. Never throws. */
export async function fetchSwiftshader({
  say,
  signal,
  env = process.env,
  pack = packByNpm,
  expected = { integrity: source.integrity, libraries },
}: Fetching): Promise<string | undefined> {
  if (hasSoftwareVulkan()) return undefined;
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return 'SwiftShader is fetched for linux-x64 only';
  if (env.KERNELBOOK_NO_DOWNLOAD && env.KERNELBOOK_NO_DOWNLOAD !== '0')
    return 'KERNELBOOK_NO_DOWNLOAD forbids to fetch SwiftShader';
  const folder = softwareVulkanFolder();
  let work: string | undefined;
  try {
    await mkdir(dirname(folder), { recursive: true });
    // Made beside and renamed, so that an interrupted download is never taken for a driver.
    work = await mkdtemp(`${folder}.`);
    say(
      `no Vulkan driver here: fetching SwiftShader, software Vulkan, by npm (${source.size}, once) into ${folder}`,
    );
    const tarball = await pack(work, signal);
    checkIntegrity(await readFile(tarball), expected.integrity);
    await unpack(tarball, work, Object.keys(expected.libraries), signal);
    for (const [name, hash] of Object.entries(expected.libraries))
      if (
        createHash('sha256')
          .update(await readFile(join(work, name)))
          .digest('hex') !== hash
      )
        throw new Error(`${name} in the package is not the one that was tested`);
    await writeFile(
      join(work, 'driver.json'),
      JSON.stringify({
        file_format_version: '1.0.0',
        ICD: { library_path: join(folder, 'libvk_swiftshader.so'), api_version: '1.1.0' },
      }),
    );
    // Another run may have been faster.
    await rename(work, folder).catch((error: unknown) => {
      if (!hasSoftwareVulkan()) throw error;
    });
    return undefined;
  } catch (error) {
    return `SwiftShader could not be fetched: ${(error as Error).message.trim().split('\n')[0]}`;
  } finally {
    if (work !== undefined) await rm(work, { recursive: true, force: true }).catch(() => {});
  }
}

function checkIntegrity(content: Uint8Array, integrity: string): void {
  const found = `sha512-${createHash('sha512').update(content).digest('base64')}`;
  if (found !== integrity)
    throw new Error(`what was downloaded is not ${source.name}: its checksum is another`);
}

async function unpack(
  tarball: string,
  folder: string,
  names: string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  await run('tar', ['-xzf', tarball, '-C', folder, source.archive], { limitMs: downloadMs, signal });
  const inner = join(folder, 'libraries.tar');
  await writeFile(inner, await promisify(brotliDecompress)(await readFile(join(folder, source.archive))));
  await run('tar', ['-xf', inner, '-C', folder, ...names], { limitMs: downloadMs, signal });
  await rm(inner);
  await rm(tarball);
  await rm(join(folder, 'package'), { recursive: true });
}

/** The first word is quick where there is no network: a download with retries is not. */
async function packByNpm(folder: string, signal: AbortSignal | undefined): Promise<string> {
  const npm = npmCommand();
  const once = ['--fetch-retries=0', '--loglevel=error'];
  const ask = ['view', source.name, 'dist.integrity', ...once];
  await run(npm[0]!, [...npm.slice(1), ...ask], { limitMs: answerMs, signal });
  const pack = ['pack', source.name, '--ignore-scripts', `--pack-destination=${folder}`, '--silent', ...once];
  const printed = await run(npm[0]!, [...npm.slice(1), ...pack], { limitMs: downloadMs, signal });
  return join(folder, printed.trim().split('\n').at(-1)!);
}

/** The npm that comes with this Node, else the first on the PATH. */
function npmCommand(): string[] {
  const own = join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js');
  return existsSync(own) ? [process.execPath, own] : ['npm'];
}

/** What the program printed. Rejects with its last complaint. */
function run(
  command: string,
  args: string[],
  { limitMs, signal }: { limitMs: number; signal: AbortSignal | undefined },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const limit = AbortSignal.timeout(limitMs);
    const either = signal ? AbortSignal.any([signal, limit]) : limit;
    const child: ChildProcess = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: either,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout!.on('data', (text) => {
      stdout += text;
    });
    child.stderr!.on('data', (text) => {
      stderr += text;
    });
    child.once('error', (error) =>
      reject(limit.aborted ? new Error(`no answer within ${limitMs / 1000} s`) : error),
    );
    child.once('close', (status) => {
      if (status === 0) resolve(stdout);
      else reject(new Error(complaintOf(stderr) ?? `${command} ended with status ${status}`));
    });
  });
}

function complaintOf(stderr: string): string | undefined {
  const lines = stderr.split('\n').map((line) => line.replace(/^npm (error|ERR!) ?/, '').trim());
  return lines.find((line) => line !== '' && !/^(code|errno|syscall|network$)/.test(line));
}
