/**
 * What a notebook says of its result being kept: metadata `kernelbook.cache`, which is false (never), true (although it
 * may depend on more than is seen) or a list of the files and folders it reads; or the tag `no-cache` at any cell.
 */
import { hasTag, isObject, type Notebook } from '../notebook/format.js';
import { DirectiveError } from '../run/cell-directives.js';

export interface CacheSetting {
  /** `if known`: as long as everything it depends on is seen in its code. */
  keep: 'never' | 'if known' | 'always';
  /** What it says it reads, as written: from the notebook's folder. */
  reads: readonly string[];
}

/** Throws DirectiveError. */
export function cacheSetting({ metadata, cells }: Notebook): CacheSetting {
  const value = isObject(metadata.kernelbook) ? metadata.kernelbook.cache : undefined;
  const isList = Array.isArray(value) && value.every((one) => typeof one === 'string' && one !== '');
  if (value !== undefined && typeof value !== 'boolean' && !isList)
    throw new DirectiveError(
      `metadata kernelbook.cache is ${JSON.stringify(value)}; it must be true, false or a list of files and folders, such as ["data.csv"]`,
    );
  if (value === false || cells.some((cell) => hasTag(cell, 'no-cache'))) return { keep: 'never', reads: [] };
  if (value === undefined) return { keep: 'if known', reads: [] };
  return { keep: 'always', reads: isList ? (value as string[]) : [] };
}
