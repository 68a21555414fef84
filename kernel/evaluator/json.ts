/** What leaves the process goes as JSON: made so here, where a value that JSON cannot hold is still the user's error. */
import type { MimeBundle } from '../../src/display/display.js';

/** Bytes become base64, `undefined` entries are left out. @throws TypeError naming the mime type at fault */
export function jsonBundle(bundle: object): MimeBundle {
  const json: MimeBundle = {};
  for (const [mime, data] of Object.entries(bundle)) {
    const value = jsonValue(data, `the data of ${mime}`);
    if (value !== undefined) json[mime] = value;
  }
  return json;
}

export function jsonValue(value: unknown, what: string): unknown {
  if (typeof value === 'string' || value === undefined) return value;
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString('base64');
  if (ArrayBuffer.isView(value))
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  try {
    const text = JSON.stringify(value) as string | undefined;
    if (text !== undefined) return JSON.parse(text);
  } catch (error) {
    throw new TypeError(`display: ${what} cannot be sent as JSON: ${(error as Error).message}`);
  }
  throw new TypeError(`display: ${what} cannot be sent as JSON: it is a ${typeof value}`);
}
