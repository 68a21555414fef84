/**
 * The vocabulary of the setup: what a test may require of the machine, and what is known about each requirement.
 * A part is `ready` only when it was tried on this machine (a device answered, a program printed its version), never
 * because a file happens to be there.
 */
import { packageRoot as locatePackageRoot } from '../../kernel/package-root.js';

/** What a test suite may ask for. The order is the order in which the setup brings them up. */
export const partNames = [
  'webgpu',
  'subgroup-matrix',
  'chromium',
  'venv',
  'tensorflow-python',
  'kernelspec',
  'papermill-plugin',
  'tensorflow',
  'mpi',
] as const;
export type PartName = (typeof partNames)[number];

/** What each part is, in the words of the reports. */
export const partTitles: Record<PartName, string> = {
  webgpu: 'a WebGPU adapter (software Vulkan is enough)',
  'subgroup-matrix': 'Mesa 26 beside the system, whose software Vulkan executes subgroup matrices',
  chromium: 'a Chromium browser for the end-to-end tests',
  venv: 'Jupyter tools in .venv (jupyterlab, anywidget, nbclient, papermill, nbconvert, jupyter_kernel_test, jupytext)',
  'tensorflow-python': 'tensorflow-cpu in .venv',
  kernelspec: 'the kernelbook kernelspec in .venv',
  'papermill-plugin': "the translator of TypeScript parameters in .venv's papermill",
  tensorflow: 'tfjs-node-gpu linked against the TensorFlow of .venv',
  mpi: 'MPI: mpirun, the compiler mpicc, and a library that koffi can call',
};

export interface PartState {
  name: PartName;
  ready: boolean;
  /** What was found when ready; why not, and what would help, when not. */
  reason: string;
}

export type SetupReport = Record<PartName, PartState>;

/** Installs one part, saying each thing it installs; gives the reason when it cannot. */
export type Installer = (say: (line: string) => void) => string | undefined;

/** The environment variable by which `kernelbook test` hands its report to the suites. */
export const reportVariable = 'KERNELBOOK_SETUP_REPORT';

/** The package's root folder, from the sources and from dist/. */
export const packageRoot = locatePackageRoot();
