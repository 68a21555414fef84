/**
 * What a notebook needs of the machine: `requires` in its metadata under `kernelbook`, and the tag `skip-unless:…` of a
 * cell for that cell alone. What is written there is read strictly: a misspelt need would otherwise skip in silence.
 */
import { nearest } from '../../kernel/kernelspec.js';
import { type Cell, isObject, type Notebook } from '../notebook/format.js';
import { parseBytes } from '../run/bytes.js';

const parts = ['webgpu', 'tensorflow', 'gpu', 'mpi'] as const;
export type MachinePart = (typeof parts)[number];

export type Requirement =
  | { kind: 'part'; part: MachinePart; text: string }
  | { kind: 'memory'; bytes: number; text: string };

/** What stands there is no requirement; the message is one line. */
class RequirementError extends Error {
  override readonly name = 'RequirementError';
}

/** @throws RequirementError */
export function parseRequirement(text: string): Requirement {
  const word = text.trim();
  const part = parts.find((one) => one === word);
  if (part) return { kind: 'part', part, text: word };
  if (/^memory\b/.test(word)) return { kind: 'memory', bytes: parseMemory(word), text: word };
  const near = nearest(word.toLowerCase().replace(/[^\w-].*$/s, ''), [...parts, 'memory']);
  const guess = near ? `, did you mean ${near === 'memory' ? 'memory>=8GiB' : near}?` : '.';
  throw new RequirementError(
    `unknown requirement ${JSON.stringify(text)}${guess} Known: ${parts.join(', ')}, memory>=8GiB`,
  );
}

function parseMemory(word: string): number {
  const bytes = parseBytes(/^memory\s*>=(.*)$/s.exec(word)?.[1] ?? '');
  if (bytes !== undefined) return bytes;
  throw new RequirementError(`${JSON.stringify(word)} is no size of memory; write it as memory>=8GiB`);
}

/** Those of the whole notebook. @throws RequirementError */
export function notebookRequirements({ metadata }: Notebook): Requirement[] {
  const requires = isObject(metadata.kernelbook) ? metadata.kernelbook.requires : undefined;
  if (requires === undefined) return [];
  if (!Array.isArray(requires) || !requires.every((one) => typeof one === 'string'))
    throw new RequirementError(
      `metadata.kernelbook.requires is ${JSON.stringify(requires)}; it must be a list such as ["webgpu", "memory>=8GiB"]`,
    );
  return requires.map(parseRequirement);
}

const tagPrefix = 'skip-unless:';

/** Those of one cell. @throws RequirementError */
export function cellRequirements({ metadata }: Cell): Requirement[] {
  return (metadata.tags ?? [])
    .filter((tag) => tag.startsWith(tagPrefix))
    .map((tag) => parseRequirement(tag.slice(tagPrefix.length)));
}

/** What is wrong with the requirements of a notebook, a line each. */
export function requirementFaults(notebook: Notebook): string[] {
  const places: [place: string, read: () => unknown][] = [
    ['', () => notebookRequirements(notebook)],
    ...notebook.cells.map((cell, index): [string, () => unknown] => [
      `cell ${index + 1} "${cell.id}": `,
      () => cellRequirements(cell),
    ]),
  ];
  return places.flatMap(([place, read]) => {
    try {
      read();
      return [];
    } catch (error) {
      if (error instanceof RequirementError) return [place + error.message];
      throw error;
    }
  });
}
