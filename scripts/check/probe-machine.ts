/**
 * Whether this machine meets a requirement, and if not, why. A probe runs when it is first asked for and once; what
 * loads drivers runs in a child process, which may crash or hang. A run on a backend that was chosen for it has no other.
 */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { totalmem } from 'node:os';
import { delimiter, join } from 'node:path';
import { packageRoot } from '../../kernel/package-root.js';
import type { BackendReport } from '../../src/compute/backend.js';
import type { MachinePart, Requirement } from './requirements.js';

interface Answer {
  ok: boolean;
  /** Why not. */
  reason: string;
}

const met: Answer = { ok: true, reason: '' };
const patienceMs = 120_000;

export class MachineProbe {
  readonly #env: NodeJS.ProcessEnv;
  readonly #answers = new Map<MachinePart, Promise<Answer>>();
  #devices: Promise<BackendReport[] | string> | undefined;

  /** @param env that of the run */
  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  /** Why the first of the requirements that is not met is not; undefined where all are. */
  async unmet(requirements: readonly Requirement[]): Promise<string | undefined> {
    for (const requirement of requirements) {
      const { ok, reason } = await this.#answer(requirement);
      if (!ok) return `needs ${requirement.text}: ${reason}`;
    }
    return undefined;
  }

  /** Every backend with its device, or why they could not be listed. */
  devices(): Promise<BackendReport[] | string> {
    this.#devices ??= listDevices(this.#env);
    return this.#devices;
  }

  #answer(requirement: Requirement): Answer | Promise<Answer> {
    if (requirement.kind === 'memory') return enoughMemory(requirement.bytes);
    let answer = this.#answers.get(requirement.part);
    if (!answer) {
      answer = requirement.part === 'mpi' ? findMpi(this.#env) : this.#probeDevice(requirement.part);
      this.#answers.set(requirement.part, answer);
    }
    return answer;
  }

  async #probeDevice(part: Exclude<MachinePart, 'mpi'>): Promise<Answer> {
    const chosen = this.#env.KERNELBOOK_BACKEND;
    if (chosen && part !== 'gpu' && chosen !== part)
      return { ok: false, reason: `this run computes on ${chosen}` };
    const reports = await this.devices();
    if (typeof reports === 'string') return { ok: false, reason: reports };
    if (part !== 'gpu') {
      const { available, reason } = reports.find(({ name }) => name === part)!;
      return available ? met : { ok: false, reason: firstLine(reason ?? 'not available') };
    }
    const usable = chosen ? reports.filter(({ name }) => name === chosen) : reports;
    if (usable.some(({ info }) => info?.hardware)) return met;
    return {
      ok: false,
      reason: chosen ? `this run computes on ${chosen}, without a GPU` : 'no GPU found here',
    };
  }
}

/** Every backend of this machine, or why they could not be listed. */
function listDevices(env: NodeJS.ProcessEnv): Promise<BackendReport[] | string> {
  const main = join(packageRoot(), 'dist', 'scripts', 'main.js');
  const options = { env, timeout: patienceMs, killSignal: 'SIGKILL', encoding: 'utf8' } as const;
  return new Promise((resolve) => {
    execFile(process.execPath, [main, 'devices', '--json'], options, (error, stdout, stderr) => {
      if (!error) return resolve(JSON.parse(stdout) as BackendReport[]);
      const why = error.killed
        ? `no answer within ${patienceMs / 1000} s`
        : (error.signal ?? firstLine(stderr));
      resolve(`the devices could not be listed: ${why}`);
    });
  });
}

/** The machine's, or what a container lets this process have. */
export function enoughMemory(bytes: number, limits = [totalmem(), process.constrainedMemory()]): Answer {
  const available = Math.min(...limits.filter((limit) => limit > 0));
  return available >= bytes ? met : { ok: false, reason: `there are ${gibibytes(available)} GiB here` };
}

/** Rounded down, so that what is not enough never looks as if it were. */
function gibibytes(bytes: number): string {
  return (Math.floor((bytes / 2 ** 30) * 10) / 10).toFixed(1);
}

/** The library of an MPI (Open MPI, MPICH), where the loader or its environment has it, or where packages put it. */
export async function findMpi(env: NodeJS.ProcessEnv): Promise<Answer> {
  const folders = [
    ...(env.LD_LIBRARY_PATH ?? '').split(delimiter),
    ...(env.MPI_HOME ? [join(env.MPI_HOME, 'lib')] : []),
    '/opt/homebrew/lib',
    '/usr/local/lib',
  ].filter(Boolean);
  if (folders.some(holdsMpi)) return met;
  const cache = await new Promise<string>((resolve) => {
    execFile('/sbin/ldconfig', ['-p'], { encoding: 'utf8' }, (_, stdout) => resolve(stdout ?? ''));
  });
  return /\blibmpi(ch)?\.so/.test(cache)
    ? met
    : { ok: false, reason: 'no libmpi found; install Open MPI or MPICH, or set MPI_HOME' };
}

function holdsMpi(folder: string): boolean {
  try {
    return readdirSync(folder).some((file) => /^libmpi(ch)?\.(so|dylib)/.test(file));
  } catch {
    return false; // no such folder
  }
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
