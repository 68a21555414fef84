/** One output of a cell that bends the format's rules. */
import { isJsonMime, isObject } from '../format.js';
import { type Note, shown } from './mends.js';
import { dropUnknown, fillIn, type Json } from './objects.js';

const missing: Record<string, (count: unknown) => Json> = {
  stream: () => ({ name: 'stdout', text: '' }),
  display_data: () => ({ data: {}, metadata: {} }),
  execute_result: (count) => ({ data: {}, metadata: {}, execution_count: count }),
  error: () => ({ ename: '', evalue: '', traceback: [] }),
};

/** The output as a valid one; undefined: there is no such output. @param count of its cell */
export function mendOutput(output: unknown, count: unknown, note: Note): Json | undefined {
  const type = isObject(output) ? output.output_type : undefined;
  if (!isObject(output) || typeof type !== 'string' || !Object.hasOwn(missing, type)) {
    note(`an output is ${shown(output)}, left out`);
    return undefined;
  }
  const values = missing[type]!(count);
  const mended: Json = { ...output };
  dropUnknown(mended, ['output_type', ...Object.keys(values)], note, 'outputs: ');
  fillIn(mended, `outputs: ${type}.`, values, note);
  for (const [key, value] of Object.entries(values)) {
    const given = mended[key];
    const replacement = fitting(given, value);
    if (replacement === given) continue;
    note(`outputs: ${type}.${key} is ${shown(given)}, read as ${shown(replacement)}`);
    mended[key] = replacement;
  }
  if (type === 'display_data' || type === 'execute_result')
    mended.data = mendBundle(mended.data as Json, `outputs: ${type}.data`, note);
  return mended;
}

/** The value itself where it is of the kind that `example` has, else the nearest that is. */
function fitting(value: unknown, example: unknown): unknown {
  if (typeof example === 'string') return isLines(value) ? value : String(value);
  if (Array.isArray(example))
    return isLines(value) && Array.isArray(value) ? value : [value].flat().map(String);
  if (isObject(example)) return isObject(value) ? value : {};
  return value === null || (Number.isInteger(value) && (value as number) >= 0) ? value : example;
}

/** Text that is none becomes its JSON. */
export function mendBundle(bundle: Json, path: string, note: Note): Json {
  return Object.fromEntries(
    Object.entries(bundle).map(([mime, value]) => {
      if (isJsonMime(mime) || isLines(value)) return [mime, value];
      note(`${path} has ${shown(value)} as ${mime}, read as text`);
      return [mime, JSON.stringify(value)];
    }),
  );
}

function isLines(value: unknown): boolean {
  return typeof value === 'string' || (Array.isArray(value) && value.every((one) => typeof one === 'string'));
}
