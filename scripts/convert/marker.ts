/**
 * The line that starts a cell in the percent form: `// %% title [markdown] id="intro" tags=["a"]`. Values are JSON.
 * Reading follows jupytext to the letter, so that both understand the same lines.
 * Reference: jupytext, "The percent format" and its `cell_metadata.py`.
 */
import { isObject } from '../notebook/format.js';

/** What a marker says; jupytext keeps all of it in one mapping, with `cell_type`, `title` and others among the keys. */
export type MarkerOptions = Record<string, unknown>;

const marker = /^\s*\/\/\s*%%(%*)\s(.*)$/;
const bareMarker = /^\s*\/\/\s*(?:%%|<codecell>|In\[[0-9 ]*\]:?)\s*$/;

export function isMarker(line: string): boolean {
  return marker.test(line) || bareMarker.test(line);
}

/** What the marker says. */
export function parseMarker(line: string): MarkerOptions {
  if (!marker.test(line)) return {};
  let { title, metadata } = titleAndMetadata(line.slice(line.indexOf('%%') + 2));
  for (const type of ['markdown', 'raw', 'md']) {
    if (!title.includes(`[${type}]`)) continue;
    title = title.replace(`[${type}]`, '').trim();
    metadata.cell_type = type === 'md' ? 'markdown' : type;
    if (type === 'md') metadata.region_name = 'md';
    break;
  }
  const depth = /^%*/.exec(title)![0].length;
  if (depth > 0) {
    metadata.cell_depth = depth;
    title = title.slice(depth).trim();
  }
  if (title !== '') metadata = { ...metadata, title };
  return metadata;
}

/** The line for these options; `title`, `cell_type`, `region_name` and `cell_depth` have places of their own. */
export function formatMarker(options: MarkerOptions): string {
  const { title, cell_type: type, region_name: region, cell_depth: depth, ...metadata } = options;
  const words = [
    ...(typeof title === 'string' ? [title] : []),
    ...(typeof type === 'string' ? [`[${typeof region === 'string' ? region : type}]`] : []),
    ...Object.entries(metadata).map(([key, value]) => {
      if (key === 'incorrectly_encoded_metadata') return String(value);
      return value === null ? key : `${key}=${oneLineJson(value)}`;
    }),
  ];
  return ['// %%', ...words]
    .join(' ')
    .replace('%%', `%%${'%'.repeat(typeof depth === 'number' ? depth : 0)}`);
}

/** Whether a title stands on the line as it is and is read back as it is. */
export function isPlainTitle(title: unknown): title is string {
  return (
    typeof title === 'string' &&
    /^[^\s.={}[\]%\p{Cc}\p{Zl}\p{Zp}]+(?: [^\s.={}[\]%\p{Cc}\p{Zl}\p{Zp}]+)*$/u.test(title)
  );
}

export function isPlainKey(key: string): boolean {
  return /^[a-zA-Z0-9_.@/-]+$/.test(key) && key !== '__proto__';
}

/** JSON with Python's spaces; its `splitlines` ends lines at characters that JSON leaves as they are. */
function oneLineJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(oneLineJson).join(', ')}]`;
  if (isObject(value)) {
    const entries = Object.entries(value).map(([key, entry]) => `${oneLineJson(key)}: ${oneLineJson(entry)}`);
    return `{${entries.join(', ')}}`;
  }
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function titleAndMetadata(options: string): { title: string; metadata: MarkerOptions } {
  const text = options.trim();
  const brace = text.indexOf('{');
  const equal = text.indexOf('=');
  if (brace >= 0 && !(equal >= 0 && equal < brace)) {
    const json = relaxedJson(text.slice(brace));
    const metadata = isObject(json) ? json : { incorrectly_encoded_metadata: text.slice(brace) };
    return { title: text.slice(0, brace).trim(), metadata };
  }
  const words = (equal >= 0 ? text.slice(0, equal).trimEnd() : text).split(' ');
  // The last word before the first equal sign is a key; words that start with a dot are attributes.
  if (equal >= 0) words.pop();
  while (words.length > 0 && (words.at(-1)!.trim() === '' || words.at(-1)!.startsWith('.'))) words.pop();
  const title = words.join(' ');
  return { title, metadata: keysAndValues(text.slice(title.length)) };
}

/** `key=value` pairs, read from the right, because a value may hold spaces and equal signs. */
function keysAndValues(whole: string): MarkerOptions {
  const text = whole.trim();
  if (text === '') return {};
  const lastSpace = text.lastIndexOf(' ');
  const lastWord = text.slice(lastSpace + 1);
  if (!text.startsWith('--') && /^[a-zA-Z_.]+[a-zA-Z0-9_.]*$/.test(lastWord)) {
    return { ...(lastSpace > 0 ? keysAndValues(text.slice(0, lastSpace)) : {}), [lastWord]: null };
  }
  for (
    let equal = text.lastIndexOf('=');
    equal >= 0;
    equal = equal > 0 ? text.lastIndexOf('=', equal - 1) : -1
  ) {
    const space = text.slice(0, equal).trimEnd().lastIndexOf(' ');
    const key = text.slice(space + 1, equal).trim();
    if (!isPlainKey(key)) continue;
    const value = relaxedJson(text.slice(equal + 1));
    // No value ends here: the equal sign was inside one, so a longer expression is tried.
    if (value === undefined) continue;
    return { ...(space > 0 ? keysAndValues(text.slice(0, space)) : {}), [key]: value };
  }
  return { incorrectly_encoded_metadata: text };
}

/** JSON, or one of Python's plain literals, which people type; undefined for anything else. */
function relaxedJson(source: string): unknown {
  const text = source.trim();
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const words: Record<string, unknown> = { True: true, False: false, None: null };
    if (Object.hasOwn(words, text)) return words[text];
    return /^'[^'"\\]*'$/.exec(text) ? text.slice(1, -1) : undefined;
  }
}
