/**
 * What the user's thread asks of the file system through Node: every function of `fs` that opens, lists or looks at
 * something is put behind one that writes it down. Packages get these whether they import or require `fs`.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fileStamp } from '../../language/file-stamp.js';
import type { Record } from './record.js';

type Anything = (...args: unknown[]) => unknown;
type Functions = { [name: string]: unknown };
type Note = (path: string, args: readonly unknown[], name: string) => void;

const contents = ['readFile', 'openAsBlob'];
const opens = ['open'];
const kinds = ['exists', 'access'];
const states = ['stat', 'lstat'];
const lists = ['readdir', 'opendir'];
const targets = ['readlink', 'realpath'];
const changes = [
  [
    'writeFile',
    'appendFile',
    'truncate',
    'copyFile',
    'cp',
    'rename',
    'link',
    'symlink',
    'unlink',
    'rm',
    'rmdir',
  ],
  ['mkdir', 'mkdtemp', 'chmod', 'chown', 'lchown', 'utimes', 'lutimes'],
].flat();
const watches = ['watch', 'watchFile', 'glob', 'statfs'];

export function observeFiles(record: Record): void {
  const read: Note = (path) => record.add(['content', path, stampOf(path)]);
  const change: Note = (path) => record.beyond(`writes ${path}`);
  const notes: [string[], Note][] = [
    [contents, read],
    [opens, (path, args, name) => (isReading(args[1]) ? read(path, args, name) : change(path, args, name))],
    [kinds, (path) => record.add(['kind', path])],
    [states, (path) => record.add(['state', path])],
    [lists, (path, args) => record.add([isRecursive(args[1]) ? 'all names' : 'names', path])],
    [targets, (path) => record.add(['target', path])],
    [changes, change],
    [watches, (path, _, name) => record.beyond(`uses fs.${name} on ${path}`)],
  ];
  for (const [names, note] of notes)
    for (const name of names) {
      const noted = (args: readonly unknown[]) => {
        const path = pathOf(args[0]);
        if (path !== undefined && !record.isKnown(path)) note(path, args, name);
      };
      for (const form of [name, `${name}Sync`]) observe(fs as unknown as Functions, form, noted);
      observe(fs.promises as unknown as Functions, name, noted);
    }
  syncBuiltinESMExports();
}

/** While an observation is made, which itself looks at files. */
let observing = false;

/** Puts a function in the place of another that does the same, and is told of its calls before. */
export function observe(owner: Functions, name: string, noted: (args: readonly unknown[]) => void): void {
  const original = owner[name];
  if (typeof original !== 'function') return;
  const observed = function (this: unknown, ...args: unknown[]): unknown {
    if (!observing) {
      observing = true;
      try {
        noted(args);
      } finally {
        observing = false;
      }
    }
    return Reflect.apply(original as Anything, this, args);
  };
  const properties = Object.getOwnPropertyDescriptors(original);
  for (const key of ['prototype', 'arguments', 'caller']) delete (properties as Functions)[key];
  Object.defineProperties(observed, properties);
  // `realpath` has a second form of its own.
  if (typeof (original as unknown as Functions).native === 'function')
    observe(observed as unknown as Functions, 'native', noted);
  owner[name] = observed;
}

/** Undefined for a file that is open already, and for what is no path. */
function pathOf(value: unknown): string | undefined {
  try {
    if (value instanceof URL) return fileURLToPath(value);
    if (typeof value === 'string') return resolve(value);
    return value instanceof Uint8Array ? resolve(Buffer.from(value).toString()) : undefined;
  } catch {
    return undefined; // the function itself says what is wrong with it
  }
}

function isReading(flags: unknown): boolean {
  if (typeof flags === 'number') return (flags & (fs.constants.O_WRONLY | fs.constants.O_RDWR)) === 0;
  return typeof flags !== 'string' || flags === 'r' || flags === 'rs';
}

function isRecursive(options: unknown): boolean {
  return (
    typeof options === 'object' && options !== null && 'recursive' in options && options.recursive === true
  );
}

function stampOf(path: string): string | undefined {
  try {
    return fileStamp(path);
  } catch {
    return undefined;
  }
}
