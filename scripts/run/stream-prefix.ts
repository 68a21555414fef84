/**
 * The beginning of a stream message that is far larger than what is kept of it. Some kernels send all that a cell
 * prints within a moment as one message, and parsing half a gigabyte takes several times its size in memory.
 */
import type { ContentMap } from '../../kernel/protocol/messages.js';

/** A name after the text is within the last bytes. */
const tailBytes = 64;

/**
 * @param frame the JSON of the message's content
 * @param bytes how much of it is looked at
 * @returns undefined where the content is not written as kernels write it
 */
export function streamPrefix(frame: Uint8Array, bytes: number): ContentMap['stream'] | undefined {
  const buffer = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  const head = buffer.toString('utf8', 0, bytes);
  const start = /^\s*\{\s*(?:"name"\s*:\s*"(\w+)"\s*,\s*)?"text"\s*:\s*"/.exec(head);
  if (!start) return undefined;
  const tail = buffer.toString('latin1', Math.max(buffer.length - tailBytes, 0));
  const name = start[1] ?? /"\s*,\s*"name"\s*:\s*"(\w+)"\s*\}\s*$/.exec(tail)?.[1];
  if (name !== 'stdout' && name !== 'stderr') return undefined;
  try {
    const text: unknown = JSON.parse(`"${withoutHalves(head.slice(start[0].length))}"`);
    return typeof text === 'string' ? { name, text } : undefined;
  } catch {
    return undefined;
  }
}

/** Takes off what the cut has halved: a character (U+FFFD), an escape, or a pair of escapes. */
function withoutHalves(escaped: string): string {
  return escaped
    .replace(/\uFFFD+$/, '')
    .replace(/(^|[^\\])((?:\\\\)*)\\(?:u[0-9a-f]{0,3})?$/i, '$1$2')
    .replace(/\\ud[89ab][0-9a-f]{2}$/i, '');
}
