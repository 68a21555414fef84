/**
 * Parsed and bound declaration files that a start-up snapshot carries into later processes. Outside the building of a
 * snapshot nothing is kept. A kept file is an absolute path and the stamp it had, and is used
 * only where the file on disk still has it.
 */
import type ts from 'typescript';
import { fileStamp } from './file-stamp.js';
import { putToSleep } from './put-to-sleep.js';

const kept = new Map<string, { file: ts.SourceFile; stamp: string }>();
let keeping = false;

/** Keeps the declarations read while `work` runs. */
export function keepFilesOf<T>(work: () => T): T {
  keeping = true;
  try {
    return work();
  } finally {
    keeping = false;
  }
}

export function keepFile(fileName: string, file: ts.SourceFile): void {
  const stamp = keeping ? fileStamp(fileName) : undefined;
  if (stamp !== undefined) kept.set(fileName, { file, stamp });
}

/** Once a kept file is bound, most of it is left out of the snapshot. */
export function sleepIfKept(file: ts.SourceFile): void {
  const found = keeping ? kept.get(file.fileName) : undefined;
  if (found?.file === file && file.isDeclarationFile) putToSleep(file);
}

export function keptFile(fileName: string): ts.SourceFile | undefined {
  const found = kept.get(fileName);
  return found && found.stamp === fileStamp(fileName) ? found.file : undefined;
}
