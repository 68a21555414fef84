/** Commands for those who work on this package: what they need lies in its repository and not in what npm installs. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../kernel/package-root.js';

/** In one line, why a command cannot do its work here; undefined where all of these files are there. */
export function whyOnlyInCheckout(files: readonly string[], root = packageRoot()): string | undefined {
  const missing = files.find((file) => !existsSync(join(root, file)));
  if (missing === undefined) return undefined;
  return `works in a checkout of the repository only: ${join(root, missing)} is not there, as this is the installed package`;
}
