/** `kernelbook guide`: executed notebooks to offline pages. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { formatCount } from '../../src/display/format.js';
import { usualOutput, workbookHere } from '../notebook/default-targets.js';

export function registerGuide(program: Command): void {
  program
    .command('guide')
    .description('write executed notebooks as offline HTML pages')
    .argument('[notebooks...]', `executed notebooks or folders (default: ${usualOutput})`)
    .option('-o, --output <folder>', 'where the pages go', 'build/guides')
    .action(async (targets: string[], options: { output: string }) => {
      process.exitCode = await writeGuide(targets, options.output);
    });
}

/** Writes the pages and says where they are. Returns the exit status: 1 where something could not be shown. */
export async function writeGuide(targets: string[], output: string): Promise<number> {
  // Loaded here: the command line must start fast, and KaTeX and Shiki are large.
  const { SelectionError, selectNotebooks } = await import('../notebook/select.js');
  const { NotebookFileError } = await import('../notebook/read.js');
  const { readingOrder, writeSite } = await import('./site.js');
  if (targets.length === 0 && !existsSync(usualOutput)) {
    console.error(
      `kernelbook guide: there is no ${usualOutput} yet; run "kernelbook run" first, or name notebooks`,
    );
    return 2;
  }
  try {
    const notebooks = await selectNotebooks(targets.length > 0 ? targets : [usualOutput]);
    const order = await readingOrder(notebooks, workbookHere());
    const { pages, problems, warnings } = await writeSite(notebooks, output, order);
    for (const line of warnings) console.error(`kernelbook guide: ${line}`);
    for (const { file, passed, failures, unexecuted } of pages) {
      const failed = failures.length > 0 ? `, ${failures.length} failed` : '';
      console.log(`${join(output, file)}  ${formatCount(passed, 'check')} passed${failed}`);
      for (const { cell, what } of failures)
        console.log(`  failed in cell "${cell}": ${what.split('\n')[0]}`);
      if (unexecuted !== undefined) console.error(`kernelbook guide: ${unexecuted}`);
    }
    console.log(`Study guides: ${join(output, 'index.html')}`);
    for (const problem of problems) console.error(`kernelbook guide: ${problem}`);
    return problems.length > 0 ? 1 : 0;
  } catch (error) {
    if (!(error instanceof SelectionError) && !(error instanceof NotebookFileError)) throw error;
    console.error(`kernelbook guide: ${error.message}`);
    return 2;
  }
}
