/**
 * Runs the suite against one kernel. Checks share a kernel; after a failure it must still run a cell at once, else
 * the next check gets a new kernel, so that no check suffers from what another has broken. Every check has a time limit.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KernelSpec } from '../../kernel/kernelspec.js';
import { type KernelClient, launchKernel } from '../../kernel/protocol/client.js';
import type { ConnectionInfo } from '../../kernel/protocol/connection-file.js';
import type { KernelInfo } from '../../kernel/protocol/messages.js';
import { type Bench, type Check, type CheckGroup, NotApplicable } from './check.js';
import { ConformanceFailure } from './failure.js';
import { Probe, type Received } from './probe.js';
import { python } from './snippets/python.js';
import type { SnippetName, Snippets } from './snippets/snippets.js';
import { typescript } from './snippets/typescript.js';

export type Verdict = 'pass' | 'fail' | 'n/a';

export interface CheckResult {
  group: string;
  check: string;
  section: string;
  verdict: Verdict;
  /** Why it failed or does not apply. */
  why?: string;
  seconds: number;
}

export interface KernelResult {
  kernel: string;
  implementation: string;
  version: string;
  languageVersion: string;
  protocol: string;
  interruptMode: string;
  messages: number;
  results: CheckResult[];
}

export interface SuiteOptions {
  groups: readonly CheckGroup[];
  onResult?: (result: CheckResult) => void;
}

const checkTimeoutMs = 20_000;
const firstCellMs = 30_000;

interface Running {
  client: KernelClient;
  probe: Probe;
  info: KernelInfo;
  snippets: Snippets;
}

export async function runSuite(spec: KernelSpec, { groups, onResult }: SuiteOptions): Promise<KernelResult> {
  const transcript: Received[] = [];
  // What the checks run must not end up in the history that the user's own kernels keep.
  const home = mkdtempSync(join(tmpdir(), 'kernelbook-conformance-'));
  const env = { ...process.env, IPYTHONDIR: home, JUPYTER_DATA_DIR: home };
  const launch = async (connection?: ConnectionInfo): Promise<Running> => {
    const client = await launchKernel(spec, { env, ...(connection && { connection }) });
    try {
      const probe = await Probe.connect(client, transcript);
      const info = await introduction(probe);
      const snippets = snippetsFor(info.language_info.name, info.implementation);
      // The first of a kind may have to wait for a compiler; how long is no matter of conformance.
      await probe.answer(await probe.start(snippets.value), 'execute_reply', firstCellMs).catch(() => {});
      const completion = { code: snippets.completable, cursor_pos: [...snippets.completable].length };
      const warmed = await probe.send('shell', 'complete_request', completion);
      await probe.answer(warmed, 'complete_reply', firstCellMs).catch(() => {});
      return { client, probe, info, snippets };
    } catch (error) {
      await client.kill();
      throw error;
    }
  };
  let shared: Running | undefined;
  const results: CheckResult[] = [];
  try {
    shared = await launch();
    const { info } = shared;
    for (const { title, checks } of groups) {
      for (const check of checks) {
        const started = performance.now();
        let own: Running | undefined;
        let outcome: Pick<CheckResult, 'verdict' | 'why'>;
        try {
          if (check.fresh) own = await launch();
          else shared ??= await launch();
          outcome = await judge(check, own ?? shared!, transcript, launch);
        } catch (error) {
          outcome = { verdict: 'fail', why: (error as Error).message };
        } finally {
          if (own) await end(own);
        }
        const seconds = (performance.now() - started) / 1000;
        const result = { group: title, check: check.name, section: check.section, ...outcome, seconds };
        results.push(result);
        onResult?.(result);
        if (shared && !check.fresh && outcome.verdict !== 'pass' && !(await stillGood(shared))) {
          await end(shared);
          shared = undefined;
        }
      }
    }
    return {
      kernel: spec.name,
      implementation: info.implementation,
      version: info.implementation_version,
      languageVersion: `${info.language_info.name} ${info.language_info.version}`,
      protocol: info.protocol_version,
      interruptMode: spec.interruptMode,
      messages: transcript.length,
      results,
    };
  } finally {
    if (shared) await end(shared);
    rmSync(home, { recursive: true, force: true });
  }
}

/** Whether the kernel runs a cell at once, as it did before the check that failed. */
async function stillGood({ probe, snippets }: Running): Promise<boolean> {
  try {
    const { content } = await probe.answer(await probe.start(snippets.value), 'execute_reply', 1_500);
    return content.status === 'ok';
  } catch {
    return false;
  }
}

/** Some kernels leave the status out of this reply, so it is taken as it came. */
async function introduction(probe: Probe): Promise<KernelInfo> {
  const { content } = await probe.request('shell', 'kernel_info', {});
  const language = (content.language_info ?? {}) as Record<string, unknown>;
  const text = (value: unknown) => (typeof value === 'string' ? value : 'unknown');
  return {
    protocol_version: text(content.protocol_version),
    implementation: text(content.implementation),
    implementation_version: text(content.implementation_version),
    language_info: {
      name: text(language.name),
      version: text(language.version),
      mimetype: text(language.mimetype),
      file_extension: text(language.file_extension),
    },
    banner: text(content.banner),
  };
}

async function judge(
  check: Check,
  { client, probe, snippets }: Running,
  transcript: Received[],
  launch: (connection: ConnectionInfo) => Promise<Running>,
): Promise<Pick<CheckResult, 'verdict' | 'why'>> {
  const others: Probe[] = [];
  const relaunched: Running[] = [];
  const bench: Bench = {
    client,
    probe,
    snippets,
    transcript,
    code: (name) => snippet(snippets, name),
    connect: async () => {
      const other = await Probe.connect(client, transcript);
      others.push(other);
      return other;
    },
    relaunch: async () => {
      const again = await launch(client.process.connection);
      relaunched.push(again);
      return again.probe;
    },
  };
  const limit = check.timeoutMs ?? checkTimeoutMs;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ConformanceFailure(`not done within ${limit / 1000} s`)), limit);
  });
  try {
    const run = check.run(bench);
    run.catch(() => {}); // after the time limit nobody waits for it
    await Promise.race([run, late]);
    return { verdict: 'pass' };
  } catch (error) {
    if (error instanceof NotApplicable) return { verdict: 'n/a', why: error.message };
    return { verdict: 'fail', why: (error as Error).message };
  } finally {
    clearTimeout(timer);
    for (const other of others) other.close();
    await Promise.all(relaunched.map(end));
  }
}

function snippet(snippets: Snippets, name: SnippetName): string {
  const found = snippets[name];
  if (typeof found !== 'string') throw new NotApplicable(found.missing);
  return found;
}

/** @throws NotApplicable for a language without snippets */
function snippetsFor(language: string, implementation: string): Snippets {
  if (/^(type|java)script$/i.test(language)) return typescript(implementation);
  if (/^python$/i.test(language)) return python;
  throw new NotApplicable(`the suite has code in TypeScript and Python, none in ${JSON.stringify(language)}`);
}

async function end({ client, probe }: Running): Promise<void> {
  probe.close();
  // The checks of shutdown look at how a kernel ends; here it just has to.
  await client.kill();
}
