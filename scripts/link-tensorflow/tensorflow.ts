/**
 * Finds the TensorFlow of a Python environment: its headers and its two libraries. TensorFlow itself is not
 * imported, which would take seconds.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { LinkError, runProgram } from './run.js';

export interface TensorFlowWheel {
  readonly python: string;
  /** The folder of the package `tensorflow`, with `include/` and the libraries. */
  readonly folder: string;
  readonly version: string;
}

const ask = `
import importlib.metadata, importlib.util, json
spec = importlib.util.find_spec('tensorflow')
folder = list(spec.submodule_search_locations)[0] if spec and spec.submodule_search_locations else None
names = importlib.metadata.packages_distributions().get('tensorflow', [])
print(json.dumps({'folder': folder, 'version': importlib.metadata.version(names[0]) if names else None}))
`;

/** The names the wheel gives its libraries. */
export const libraries = {
  main: 'libtensorflow_cc.so.2',
  framework: 'libtensorflow_framework.so.2',
} as const;

/** Installing it is left to an explicit flag. */
export function findTensorFlow(
  python: string | undefined,
  install: boolean,
  say: (line: string) => void,
): TensorFlowWheel {
  const program = python ?? defaultPython();
  let found = lookUp(program);
  if (!found && install) {
    const wheel = hasNvidiaGpu() ? 'tensorflow[and-cuda]' : 'tensorflow-cpu';
    say(`installing ${wheel} with ${program} -m pip`);
    runProgram(program, ['-m', 'pip', 'install', '--quiet', wheel], {
      what: 'installing TensorFlow',
      minutes: 20,
    });
    found = lookUp(program);
  }
  if (!found) {
    throw new LinkError(
      `${program} has no TensorFlow; run \`${program} -m pip install ${hasNvidiaGpu() ? "'tensorflow[and-cuda]'" : 'tensorflow-cpu'}\`` +
        ' (or give --install), or name another Python with --python',
    );
  }
  for (const part of ['include/tensorflow/c/c_api.h', libraries.main, libraries.framework]) {
    if (!existsSync(path.join(found.folder, part))) {
      throw new LinkError(
        `TensorFlow ${found.version} in ${found.folder} lacks ${part}; install a wheel that has it`,
      );
    }
  }
  return found;
}

function defaultPython(): string {
  const local = path.resolve('.venv', 'bin', 'python');
  return existsSync(local) ? local : 'python3';
}

function lookUp(python: string): TensorFlowWheel | undefined {
  const answer = runProgram(python, ['-c', ask], { what: `asking ${python} for TensorFlow`, minutes: 1 });
  const { folder, version } = JSON.parse(answer) as { folder: string | null; version: string | null };
  return folder && version ? { python, folder, version } : undefined;
}

function hasNvidiaGpu(): boolean {
  return existsSync('/proc/driver/nvidia/version');
}
