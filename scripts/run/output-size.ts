/** How many bytes outputs take in a notebook file, near enough to hold a limit. */
import type { Output } from '../notebook/format.js';

/** Indentation, quotes, comma and line end of a line of text. */
const perLine = 11;
/** Braces, keys and indentation of an output, however small its data; also about what it takes in memory. */
const perOutput = 160;

export function sizeOfOutput(output: Output): number {
  if (output.output_type === 'stream') return perOutput + sizeOfText(output.text);
  if (output.output_type === 'error') return perOutput + sizeOfText(output.traceback.join('\n'));
  const texts = Object.values(output.data).map((value) =>
    typeof value === 'string' ? value : (JSON.stringify(value) ?? ''),
  );
  return texts.reduce((sum, text) => sum + sizeOfText(text), perOutput);
}

export function sizeOfText(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines++;
  return Buffer.byteLength(JSON.stringify(text)) + lines * perLine;
}
