/** Text in notebook files: a string, or a list of lines that together are one. */

export function joinLines(value: unknown): unknown {
  return Array.isArray(value) ? value.join('') : value;
}
