/**
 * The head of the percent form: the notebook's metadata as YAML under `jupyter:` between two lines `// ---`, after an
 * optional `#!` and encoding line. YAML is that of version 1.1, which jupytext's PyYAML reads and writes.
 */
import { isDeepStrictEqual } from 'node:util';
import { parse, type ScalarTag, stringify, type Tags } from 'yaml';
import { isObject } from '../notebook/format.js';
import { isMarker } from './marker.js';

/** The text is not the percent form of a notebook; the message is one line without the file's name. */
export class TextFormError extends Error {
  override readonly name = 'TextFormError';
}

const fence = /^---\s*$/;
const coding = /^[ \t\f]*\/\/.*?coding[:=][ \t]*([-_.a-zA-Z0-9]+)/;

/** By this jupytext knows the form; it adds its own version, we none. */
export const textRepresentation = { extension: '.ts', format_name: 'percent', format_version: '1.3' };

export interface Header {
  /** The notebook's metadata; undefined where the text has none. */
  metadata: Record<string, unknown> | undefined;
  /** `executable` and `encoding`, as jupytext keeps them. */
  firstLines: Record<string, string>;
  /** YAML beside `jupyter:`, which is the source of a raw cell at the top of the notebook. */
  frontMatter: string | undefined;
  /** Where the cells start. */
  end: number;
}

export function parseHeader(lines: string[]): Header {
  const firstLines: Header['firstLines'] = {};
  let start = 0;
  if (lines[0]?.startsWith('#!')) {
    firstLines.executable = lines[0].slice(2);
    start++;
  }
  const encoding = isMarker(lines[start] ?? '') ? undefined : coding.exec(lines[start] ?? '')?.[1];
  if (encoding !== undefined) {
    if (encoding.toLowerCase() !== 'utf-8') throw new TextFormError(`its encoding is ${encoding}, not utf-8`);
    firstLines.encoding = lines[start]!;
    start++;
  }
  const none = { metadata: undefined, firstLines, frontMatter: undefined, end: start };
  const open = lines.findIndex((line, index) => index >= start && uncomment(line).trim() !== '');
  if (open < 0 || !lines[open]!.startsWith('//') || !fence.test(uncomment(lines[open]!))) return none;
  const jupyter: string[] = [];
  const others: string[] = [];
  let close = open + 1;
  let inJupyter = false;
  for (; lines[close]?.startsWith('//'); close++) {
    const line = uncomment(lines[close]!);
    if (fence.test(line)) break;
    if (/^jupyter\s*:\s*$/.test(line)) inJupyter = true;
    else if (line !== '' && !/^\s/.test(line)) inJupyter = false;
    (inJupyter ? jupyter : others).push(line);
  }
  if (!lines[close]?.startsWith('//')) return none;
  const blank = lines[close + 1]?.trim() === '' ? 1 : 0;
  return {
    metadata: jupyter.length > 0 ? parseYaml(jupyter, open + 2) : undefined,
    firstLines,
    frontMatter: others.length > 0 ? ['---', ...others, '---'].join('\n') : undefined,
    end: close + 1 + blank,
  };
}

/** The lines of the head, with the blank one that ends it; none where there is nothing to say. */
export function formatHeader(
  metadata: Record<string, unknown> | undefined,
  firstLines: Record<string, string>,
  frontMatter: string | undefined,
): string[] {
  const { executable, encoding } = firstLines;
  const yaml = [
    ...(frontMatter === undefined ? [] : frontMatter.split('\n').slice(1, -1)),
    ...(metadata === undefined ? [] : formatYaml(metadata)),
  ];
  return [
    ...(executable === undefined ? [] : [`#!${executable}`]),
    ...(encoding === undefined ? [] : [encoding]),
    ...(yaml.length === 0 ? [] : ['// ---', ...yaml.map(comment), '// ---', '']),
  ];
}

/** `text` as a comment line, and back. */
export function comment(text: string): string {
  return text === '' ? '//' : `// ${text}`;
}

export function uncomment(line: string): string {
  if (line.startsWith('// ')) return line.slice(3);
  return line.startsWith('//') ? line.slice(2) : line;
}

function formatYaml(metadata: Record<string, unknown>): string[] {
  const document = { jupyter: metadata };
  const customTags = (tags: Tags): Tags =>
    tags.map((tag) =>
      nameOf(tag) === 'float' ? { ...(tag as ScalarTag), stringify: ({ value }) => pythonFloat(value) } : tag,
    );
  const options = {
    version: '1.1',
    lineWidth: 0,
    singleQuote: true,
    sortMapEntries: true,
    customTags,
  } as const;
  const text = stringify(document, options);
  // What YAML breaks into lines or cannot hold as it is stands in JSON's escapes, which every YAML understands.
  const safe = /^[\t\n\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]*$/u;
  // These have a meaning for Python's reader only.
  const hasPythonWord = /(?:^| )(?:=|<<)(?::|$)/m.test(text);
  if (safe.test(text) && !hasPythonWord && isDeepStrictEqual(readYaml(text), document))
    return text.trimEnd().split('\n');
  const json = JSON.stringify(metadata)
    .replace(
      /[\u007f-\uffff]/gu,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
    .replace(/"(?:[^"\\]|\\.)*"|[\d.]+e[+-]\d+/g, (token) =>
      token.startsWith('"') ? token : pythonFloat(Number(token)),
    );
  return ['jupyter:', `  ${json}`];
}

function parseYaml(lines: string[], firstLine: number): Record<string, unknown> {
  let document: unknown;
  try {
    document = readYaml(lines.join('\n'));
  } catch (error) {
    const reason =
      error instanceof Error ? error.message.split('\n')[0]!.replace(/ at line .*$/, '') : String(error);
    throw new TextFormError(`the YAML header from line ${firstLine} on cannot be read: ${reason}`);
  }
  const metadata = isObject(document) ? document.jupyter : undefined;
  if (metadata === null || metadata === undefined) return {};
  if (!isObject(metadata)) throw new TextFormError('"jupyter:" in its YAML header must be a mapping');
  return metadata;
}

/** Without a point, an exponent is text for Python's reader. */
function pythonFloat(value: unknown): string {
  const text = String(value);
  return /^-?\d+e/.test(text) ? text.replace('e', '.0e') : text;
}

/** Dates stay text: JSON, which the notebook is written in, has none. */
function readYaml(text: string): unknown {
  return parse(text, {
    version: '1.1',
    customTags: (tags) =>
      tags
        .filter((tag) => !['timestamp', 'binary', 'set', 'omap', 'pairs', 'merge'].includes(nameOf(tag)))
        .map(asInPython),
  }) as unknown;
}

/** What PyYAML takes for text although YAML 1.1 does not, and so writes without quotes. */
const textInPython =
  /(?!^(?:[yYnN]|[-+]?0\d*[89][\d_]*|[-+]?[\d_]*[eE][-+]?\d+|[-+]?[\d_]*\.?[\d_]*[eE]\d+|[-+]\.[\d_]+(?:[eE][-+]?\d+)?)$)/;

function asInPython(tag: Tags[number]): Tags[number] {
  if (typeof tag === 'string' || !('test' in tag) || !tag.test) return tag;
  return { ...tag, test: new RegExp(textInPython.source + tag.test.source, tag.test.flags) };
}

function nameOf(tag: string | { tag: string }): string {
  return typeof tag === 'string' ? tag : tag.tag.replace('tag:yaml.org,2002:', '');
}
