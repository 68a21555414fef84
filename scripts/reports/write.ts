/** Writing a report: a file that cannot be written is told in a line, and what was found is told all the same. */
import { writeFileAtomically } from '../notebook/write.js';

/** @returns whether it was written */
export async function writeReportFile(command: string, file: string, text: string): Promise<boolean> {
  try {
    await writeFileAtomically(file, text);
    return true;
  } catch (error) {
    console.error(`${command}: ${file} could not be written: ${(error as Error).message}`);
    return false;
  }
}
