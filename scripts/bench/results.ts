/** What the benches share: where their results are written, and how a signal ends them. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { Command } from 'commander';
import { packageRoot } from '../../kernel/package-root.js';

/** Where the user asked for it, and with `save` as docs/results/NAME.md and .json of the checkout. */
export interface ResultFiles {
  json?: string;
  markdown?: string;
  save?: boolean;
}

export function addResultOptions(command: Command): Command {
  return command
    .option('--json <file>', 'write the result as JSON')
    .option('--markdown <file>', 'write the result as Markdown')
    .option('--save', 'write Markdown and JSON to docs/results of the checkout');
}

/** @param name of the files in docs/results, without an ending */
export async function writeResult(
  result: object,
  markdown: string,
  name: string,
  files: ResultFiles,
): Promise<void> {
  const json = `${JSON.stringify(result, null, 2)}\n`;
  if (files.json) await write(files.json, json);
  if (files.markdown) await write(files.markdown, markdown);
  if (!files.save) return;
  const base = join(packageRoot(), 'docs', 'results', name);
  await write(`${base}.md`, markdown);
  await write(`${base}.json`, json);
}

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  console.error(`wrote ${relative(process.cwd(), path)}`);
}

/** What runs is killed and its folder is removed when this process exits; a bare signal would skip that. */
export function endOnSignals(): void {
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)
    process.on(signal, () => process.exit(status));
}
