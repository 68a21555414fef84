/** The folder in which the kernel was started: the notebook's. */
import { homedir } from 'node:os';
import { log } from '../log.js';

/** The working folder; the user's home, with a line in the log, where the folder has been deleted meanwhile. */
export function workingFolder(): string {
  try {
    return process.cwd();
  } catch {
    const home = homedir();
    process.chdir(home);
    log(`the working folder does not exist any more; cells run in ${home}`);
    return home;
  }
}
