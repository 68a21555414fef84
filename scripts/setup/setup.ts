/**
 * Brings up what the tests need on a bare machine, part by part: try it, install it where it is missing, try it again.
 * A part that cannot be had never fails the setup; it is reported with its reason, and the suites that need it are
 * skipped by name.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { installChromium, installFont } from './chromium.js';
import { installMesa26 } from './mesa26.js';
import { installMpi } from './mpi.js';
import { installKernelspec, linkTensorflow } from './own-commands.js';
import {
  type Installer,
  type PartName,
  type PartState,
  packageRoot,
  partNames,
  partTitles,
  type SetupReport,
} from './part.js';
import { probe } from './probe.js';
import { installPapermillPlugin, installRequirements } from './python.js';
import { installVulkan } from './vulkan.js';

const installers: Record<PartName, Installer> = {
  webgpu: installVulkan,
  'subgroup-matrix': installMesa26,
  chromium: installChromium,
  venv: installRequirements('requirements.txt'),
  'tensorflow-python': installRequirements('requirements-tensorflow.txt'),
  kernelspec: installKernelspec,
  'papermill-plugin': installPapermillPlugin,
  tensorflow: linkTensorflow,
  mpi: installMpi,
};

/** What must be ready before a part can be installed. */
const needed: Partial<Record<PartName, PartName>> = {
  kernelspec: 'venv',
  'papermill-plugin': 'venv',
  tensorflow: 'tensorflow-python',
};

export const reportFile = path.join(packageRoot, '.cache', 'setup.json');

/** Tries every part, installs what is missing unless `install` is false, and writes the report to .cache/setup.json. */
export function setup({ install = true, say = console.log } = {}): SetupReport {
  const report = {} as SetupReport;
  for (const name of partNames) {
    const state = install ? bringUp(name, report, say) : probe(name);
    report[name] = state;
    say(`setup: ${name}: ${state.ready ? 'ready' : 'not ready'}: ${state.reason}`);
  }
  if (install && report.chromium.ready) {
    const failure = installFont((line) => say(`setup: chromium: ${line}`));
    if (failure) say(`setup: chromium: no Chinese font: ${failure}`);
  }
  mkdirSync(path.dirname(reportFile), { recursive: true });
  writeFileSync(reportFile, `${JSON.stringify(report, null, 2)}\n`);
  return report;
}

/** Tries one part, installs it where it is missing and what it needs is there, and tries it again. */
export function bringUp(
  name: PartName,
  report: Partial<SetupReport>,
  say: (line: string) => void,
  tools = { probe, install: (part: PartName) => installers[part] },
): PartState {
  const before = tools.probe(name);
  if (before.ready) return before;
  const need = needed[name];
  if (need && !report[need]?.ready) return { name, ready: false, reason: `${partTitles[need]} is missing` };
  const failure = tools.install(name)((line) => say(`setup: ${name}: ${line}`));
  if (failure) return { name, ready: false, reason: failure };
  const after = tools.probe(name);
  return after.ready ? after : { ...after, reason: `installed, but ${after.reason}` };
}
