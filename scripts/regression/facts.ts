/**
 * What is worth keeping of a cell's outputs: facts, not their rendering. Text without times and devices, figures by their
 * data, checks by what they checked, profiles by the work and not the time. Where an output says the same thing in
 * several mime types, the most exact one counts.
 */
import { isDeepStrictEqual } from 'node:util';
import { languageMimeType } from '../../src/display/language-switch.js';
import { plotlyMimeType } from '../../src/workbench/plot/figure.js';
import { profileMimeType } from '../../src/workbench/profile/report.js';
import { verifyMimeType } from '../../src/workbench/verify/bundle.js';
import { type CodeCell, isJsonMime, isObject, type Output } from '../notebook/format.js';
import type { Fact } from './fact.js';
import { figureFacts } from './figure.js';
import type { GoldenSettings } from './settings.js';
import { steady } from './text.js';
import { toFact } from './to-fact.js';

/** One output: facts by mime type, or by `stdout` and `error`. Text is a string, or its lines. */
export type OutputFacts = Record<string, Fact>;

/** Text longer than this is kept by its beginning and its end. */
const mostLines = 120;
const mostWords = 240;
const longestLine = 10_000;

/** The facts of a cell's outputs, in order; an output without any is left out. */
export function cellFacts(cell: CodeCell, settings: GoldenSettings): OutputFacts[] {
  const facts: OutputFacts[] = [];
  for (const output of cell.outputs.flatMap(eachCheck)) {
    const one = outputFacts(output, settings);
    // A check that is also the value of its cell is shown twice.
    if (Object.keys(one).length > 0 && !facts.some((other) => isDeepStrictEqual(other, one))) facts.push(one);
  }
  return facts;
}

/** The checks of a cell are one output; each of them is a fact of its own. */
function eachCheck(output: Output): Output[] {
  const checks = 'data' in output ? output.data[verifyMimeType] : undefined;
  if (!('data' in output) || !Array.isArray(checks)) return [output];
  return checks.map((check) => ({ ...output, data: { ...output.data, [verifyMimeType]: check } }));
}

function outputFacts(output: Output, settings: GoldenSettings): OutputFacts {
  switch (output.output_type) {
    case 'stream':
      // stderr is for warnings and progress, which belong to the machine.
      return output.name === 'stdout' ? { stdout: textFact(output.text, settings) } : {};
    case 'error':
      return { error: textFact(`${output.ename}: ${output.evalue}`, settings) };
    default:
      return bundleFacts(output.data, settings);
  }
}

function bundleFacts(data: Record<string, unknown>, settings: GoldenSettings): OutputFacts {
  const facts: OutputFacts = {};
  for (const [mime, value] of Object.entries(data)) {
    const fact = jsonFacts(mime, value, settings);
    if (fact !== undefined) facts[mime] = fact;
  }
  // Tables, drawings and words beside data are made of it, whether or not the data is worth keeping.
  if (Object.keys(data).some((mime) => isJsonMime(mime))) return facts;
  const plain = data['text/plain'];
  for (const [mime, value] of Object.entries(data)) {
    if (mime.startsWith('image/') && mime !== 'image/svg+xml') facts[mime] = imageFact(mime, value);
    else if (typeof value === 'string' && isWords(mime, plain)) facts[mime] = textFact(value, settings, mime);
  }
  return facts;
}

function isWords(mime: string, plain: unknown): boolean {
  const twin = typeof plain === 'string' && !/^<[^\n]*>$/.test(plain.trim());
  if (mime === 'text/html' || mime === 'image/svg+xml') return !twin;
  return mime.startsWith('text/');
}

/** The data of one mime type; undefined for what names the device, or is no JSON. */
function jsonFacts(mime: string, value: unknown, settings: GoldenSettings): Fact | undefined {
  if (!isJsonMime(mime)) return undefined;
  if (mime === plotlyMimeType) return figureFacts(value, settings.layout);
  if (mime === verifyMimeType) return verifyFacts(value, settings);
  if (mime === profileMimeType) return profileFacts(value);
  if (mime === 'application/vnd.kernelbook.backend+json') return undefined;
  if (mime === languageMimeType) return undefined;
  // The state of a widget is elsewhere; here is only an id, another one in each run.
  if (mime === 'application/vnd.jupyter.widget-view+json') return undefined;
  return toFact(value);
}

function verifyFacts(value: unknown, settings: GoldenSettings): Fact | undefined {
  if (!isObject(value)) return undefined;
  const { kind, name, passed, count, formula, detail } = value;
  return toFact({
    kind,
    name,
    passed,
    ...(count !== undefined && { count }),
    ...(formula !== undefined && { bound: formula }),
    // The values that had to be equal. Other details are measured, or the words in which a backend throws.
    ...(kind === 'equal' && { detail: steady(String(detail), settings.ignore) }),
  });
}

/** The kernels that ran depend on the backend, so they are kept under its name and compared only there. */
function profileFacts(value: unknown): Fact | undefined {
  if (!isObject(value)) return undefined;
  const { name, bytes, flops, backend, measurements, equal, asked } = value;
  const timed = (Array.isArray(measurements) ? measurements : []).filter(isObject);
  // Which ways are the same work depends on the backend; which were asked for does not.
  const same = (Array.isArray(equal) ? equal : []).filter(isObject);
  const order = Array.isArray(asked) ? asked : timed.map((way) => way.name);
  const ways = [...timed, ...same].sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  return toFact({
    name,
    ...(bytes !== undefined && { bytes }),
    ...(flops !== undefined && { flops }),
    measured: ways.map((way) => way.name),
    ...(isObject(backend) && { [`path on ${String(backend.name)}`]: ways.map((way) => way.path) }),
  });
}

function textFact(text: string, settings: GoldenSettings, mime = ''): Fact {
  const words = mime === 'text/html' ? withoutMarkup(text) : text;
  const all = words.trimEnd().split('\n');
  if (all.length > mostLines) {
    const half = mostLines / 2;
    all.splice(half, all.length - mostLines, `‹${all.length - mostLines} more lines›`);
  }
  const lines = steady(all.map(shorten).join('\n'), settings.ignore).split('\n');
  return lines.length === 1 ? lines[0]! : lines;
}

/** Cut between words, not at a column: the numbers of another run may be longer. */
function shorten(line: string): string {
  const words = line.length > mostWords ? line.trimEnd().split(/(?<=[\s,])/) : [];
  const short = words.length > mostWords ? `${words.slice(0, mostWords).join('')}‹more›` : line.trimEnd();
  return short.length > longestLine ? `${short.slice(0, longestLine)}‹more›` : short;
}

function withoutMarkup(html: string): string {
  return html
    .replaceAll(/<(script|style)\b[\s\S]*?<\/\1\s*>/gi, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/[ \t]+/g, ' ')
    .replaceAll(/\n\s*\n+/g, '\n')
    .trim();
}

/** An image's bytes differ between libraries of drawing; its size does not. */
function imageFact(mime: string, value: unknown): Fact {
  if (mime !== 'image/png' || typeof value !== 'string') return 'an image, its content not compared';
  const head = Buffer.from(value.slice(0, 64), 'base64');
  if (head.length < 24) return 'no PNG';
  return { width: head.readUInt32BE(16), height: head.readUInt32BE(20), note: 'its content is not compared' };
}
