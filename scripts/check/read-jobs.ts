/** From selected files to what is to be checked: notebooks of our kernel, with the setting they would run in. */
import { dirname } from 'node:path';
import { NotebookFileError, readNotebook } from '../notebook/read.js';
import type { SelectedNotebook } from '../notebook/select.js';
import { checkSettings, SettingsError } from '../regression/settings.js';
import { cacheSetting } from '../result-cache/setting.js';
import { checkDirectives, DirectiveError } from '../run/cell-directives.js';
import type { CheckJob } from './check-all.js';
import { checkedDialect } from './own-kernel.js';
import { requirementFaults } from './requirements.js';

export interface CheckJobs {
  jobs: CheckJob[];
  /** A line for each file that is no notebook, and for what its metadata asks and no run could follow. */
  faults: string[];
  /** A line for each file that is not quite a notebook, and is read as one all the same. */
  warnings: string[];
  /** Notebooks of other kernels, and which. */
  foreign: { name: string; kernel: string | undefined }[];
}

/** @param kernel the kernel to check for whatever the notebooks name */
export async function readJobs(
  selected: readonly SelectedNotebook[],
  kernel: string | undefined,
): Promise<CheckJobs> {
  const found: CheckJobs = { jobs: [], faults: [], warnings: [], foreign: [] };
  for (const { path, name } of selected) {
    try {
      const notebook = await readNotebook(path, (line) => found.warnings.push(line.replace(path, name)));
      found.faults.push(...requirementFaults(notebook).map((fault) => `${name}: ${fault}`));
      checkSettings(notebook);
      checkDirectives(notebook);
      cacheSetting(notebook);
      const written = notebook.metadata.kernelspec?.name;
      const dialect = checkedDialect(written, kernel);
      if (dialect === undefined) found.foreign.push({ name, kernel: kernel ?? written });
      else found.jobs.push({ name, path, notebook, cwd: dirname(path), dialect });
    } catch (error) {
      if (error instanceof NotebookFileError) found.faults.push(error.message.replace(path, name));
      else if (error instanceof SettingsError || error instanceof DirectiveError)
        found.faults.push(`${name}: ${error.message}`);
      else throw error;
    }
  }
  return found;
}
