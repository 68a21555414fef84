/**
 * What a kernel says, in the form that the notebook format asks for. Kernels are programs of other people, and cells may
 * publish what they like: a field that is missing or of another kind must not make a file that no other program reads.
 */
import type { OutputMessage } from '../../kernel/protocol/messages.js';
import {
  type DisplayOutput,
  type ErrorOutput,
  isJsonMime,
  isObject,
  type ResultOutput,
} from '../notebook/format.js';

type Fields<T extends OutputMessage['type']> = Partial<
  Record<keyof Extract<OutputMessage, { type: T }>['content'], unknown>
>;

/**
 * Text is a string or a list of lines; anything else is shown as its JSON. Half a character can be written in JSON but not
 * in UTF-8, at which nbconvert fails.
 */
function textOf(value: unknown): string {
  return plainTextOf(value).replace(/\p{Surrogate}/gu, '\ufffd');
}

function plainTextOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '';
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value.join('');
  return JSON.stringify(value);
}

/** A cell's number is a whole number from 0, or unknown. */
export function countOf(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
}

export function streamOf({ name, text }: Fields<'stream'>): { name: string; text: string } {
  // At its ends the message before or after may have the other half.
  const inner = plainTextOf(text).replace(/(?<=.)\p{Surrogate}(?=.)/gsu, '\ufffd');
  return { name: typeof name === 'string' ? name : 'stdout', text: inner };
}

export function bundleOf({
  data,
  metadata,
}: Fields<'display_data'>): Pick<DisplayOutput, 'data' | 'metadata'> {
  const entries = Object.entries(isObject(data) ? data : {}).filter(
    ([mime, value]) => isJsonMime(mime) || (value !== undefined && value !== null),
  );
  return {
    data: Object.fromEntries(
      entries.map(([mime, value]) => [mime, isJsonMime(mime) ? value : textOf(value)]),
    ),
    metadata: isObject(metadata) ? metadata : {},
  };
}

export function resultOf(content: Fields<'execute_result'>): ResultOutput {
  const execution_count = countOf(content.execution_count);
  return { output_type: 'execute_result', ...bundleOf(content), execution_count };
}

export function errorOf(content: Fields<'error'>): ErrorOutput {
  const ename = textOf(content.ename) || 'Error';
  const evalue = textOf(content.evalue);
  const { traceback } = content;
  const lines = Array.isArray(traceback)
    ? traceback.map(textOf)
    : [textOf(traceback) || `${ename}: ${evalue}`];
  return { output_type: 'error', ename, evalue, traceback: lines };
}

export function displayIdOf(transient: unknown): string | undefined {
  const id = isObject(transient) ? transient.display_id : undefined;
  return typeof id === 'string' ? id : undefined;
}
