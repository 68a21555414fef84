/** What a child process writes, as text that grows while it runs. */
import type { ChildProcess } from 'node:child_process';

export interface ChildOutput {
  stdout: string;
  stderr: string;
}

/** A stream that is no pipe stays empty. */
export function collectOutput(child: ChildProcess): ChildOutput {
  const output: ChildOutput = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  return output;
}
