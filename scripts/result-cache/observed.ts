/**
 * What a kernel was seen to ask of files and environment, with the answers: a result is good as long as each would be
 * answered the same again. What a kernel did that cannot be asked again, such as using the network, is a reason not to keep
 * the result.
 */
import { lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hashOfValue, namesHash } from '../../kernel/evaluator/observed/environment.js';
import { type Observation, observedHeader } from '../../kernel/evaluator/observed/observation.js';
import { fileStamp } from '../../kernel/language/file-stamp.js';
import { type FileHashes, sha256 } from './file-hashes.js';

type Asked = Exclude<Observation[0], 'beyond'>;

export type Seen = [kind: Asked, subject: string, answer: string];

/** What is asked now. */
export interface World {
  /** Of the kernel. */
  env: NodeJS.ProcessEnv;
  hashes: FileHashes;
}

/** Of larger files the time of the last change stands for the content. */
const mostBytes = 256 * 2 ** 20;

/** @param file what the kernel wrote; undefined: none could be given to it */
export async function readObserved(
  file: string | undefined,
  world: World,
): Promise<{ seen: Seen[]; reason?: undefined } | { seen?: undefined; reason: string }> {
  const text = file === undefined ? '' : await readFile(file, 'utf8').catch(() => '');
  const [header, ...lines] = text.split('\n');
  if (header !== observedHeader) return { reason: 'its kernel does not tell what it reads' };
  const seen: Seen[] = [];
  for (const line of lines) {
    if (line === '') continue;
    const observation = parse(line);
    if (!observation) return { reason: 'what its kernel read was not written down whole' };
    const [kind, subject, told] = observation;
    if (kind === 'beyond') return { reason: `it ${subject}` };
    const answer = answerOf(kind, subject, world);
    if (kind === 'content' && (fileStamp(subject) ?? null) !== (told ?? null))
      return { reason: `${subject} changed while it ran` };
    if (kind === 'variable' && answer !== told) return { reason: `${subject} was set for its kernel alone` };
    if (kind === 'variables') {
      if (namesHash(Object.keys(world.env)) !== subject)
        return { reason: 'the environment of its kernel is its own' };
    }
    seen.push([kind, subject, answer]);
  }
  return { seen };
}

/** Whether everything would be answered the same now. */
export function stillSo(seen: readonly Seen[], world: World): boolean {
  return seen.every(([kind, subject, answer]) => answerOf(kind, subject, world) === answer);
}

function answerOf(kind: Asked, subject: string, { env, hashes }: World): string {
  if (kind === 'variable') return hashOfValue(env[subject]);
  if (kind === 'variables') return namesHash(Object.keys(env));
  try {
    return answerOfDisk(kind, subject, hashes);
  } catch (error) {
    return `no answer: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`;
  }
}

function answerOfDisk(
  kind: Exclude<Asked, 'variable' | 'variables'>,
  path: string,
  hashes: FileHashes,
): string {
  switch (kind) {
    case 'content':
      return hashes.content(path, mostBytes) ?? kindOf(path);
    case 'kind':
      return kindOf(path);
    case 'state':
      return `${kindOf(path)} ${lstatSync(path).isSymbolicLink() ? realpathSync(path) : ''} ${fileTimeAndSize(path)}`;
    case 'names':
      return namesIn(path, false);
    case 'all names':
      return namesIn(path, true);
    case 'target':
      return realpathSync(path);
  }
}

function kindOf(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? 'nothing' : stat.isDirectory() ? 'folder' : stat.isFile() ? 'file' : 'other';
}

/** Of a file; a folder changes its own with everything that comes and goes in it, a result of this run too. */
function fileTimeAndSize(path: string): string {
  const stat = statSync(path);
  return stat.isFile() ? `${stat.size} ${stat.mtimeMs}` : '';
}

function namesIn(path: string, recursive: boolean): string {
  return sha256(JSON.stringify(readdirSync(path, { recursive, encoding: 'utf8' }).sort()));
}

function parse(line: string): Observation | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return Array.isArray(value) ? (value as unknown as Observation) : undefined;
  } catch {
    return undefined;
  }
}
