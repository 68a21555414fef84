/** `kernelbook run --help-notebook`: the parameters of notebooks with their types, defaults and comments. */
import { describeType, isKnown } from './parameter-type.js';
import { declaredParameters, type NamedNotebook } from './parameters.js';

/** What is printed for one notebook. */
export async function helpOfNotebook(entry: NamedNotebook): Promise<string> {
  const { cell, parameters } = await declaredParameters(entry);
  if (!cell) return `${entry.name}: no cell is tagged "parameters"`;
  if (parameters.length === 0)
    return `${entry.name}: its cell tagged "parameters" declares none that can be given`;
  const lines = [`${entry.name}:`];
  for (const { name, type, value, comment } of parameters) {
    const shown =
      entry.types && !isKnown(type) ? await (await entry.types()).typeOf(name) : describeType(type);
    lines.push(`  ${name}: ${shown}${value && ` = ${indented(value, 2)}`}`);
    if (comment) lines.push(`      ${indented(comment, 6)}`);
  }
  return lines.join('\n');
}

function indented(text: string, by: number): string {
  return text.replaceAll('\n', `\n${' '.repeat(by)}`);
}
