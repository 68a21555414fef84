#!/usr/bin/env node
/** The command line `kernelbook`: each subcommand is a file, or the `command.ts` of a folder. */
import { Command, CommanderError } from 'commander';
import { packageVersion } from '../kernel/package-root.js';
import { registerAudit } from './audit/command.js';
import { registerBench } from './bench/command.js';
import { registerBundle } from './bundle/command.js';
import { registerCheck } from './check/command.js';
import { registerClean } from './clean.js';
import { registerConformance } from './conformance/command.js';
import { registerConvert } from './convert/command.js';
import { registerCoverage } from './coverage.js';
import { registerDevices } from './devices.js';
import { registerGolden } from './golden.js';
import { registerGuide } from './guide/command.js';
import { registerCheckHalf } from './half/command.js';
import { registerInstall } from './install.js';
import { registerLinkTensorflow } from './link-tensorflow/command.js';
import { registerLintProse } from './lint-prose/command.js';
import { registerParallel } from './parallel/command.js';
import { registerPlan } from './plan/command.js';
import { registerRun } from './run/command.js';
import { registerStart } from './start.js';
import { registerTest } from './test/command.js';

const program = new Command('kernelbook')
  .description('A TypeScript Jupyter kernel, GPU library and workbook.')
  .version(packageVersion(), '--version', 'say which version this is')
  .exitOverride();

program.commandsGroup('Notebooks:');
registerRun(program);
registerCheck(program);
registerAudit(program);
registerLintProse(program);
registerGuide(program);
registerStart(program);
registerClean(program);
registerConvert(program);

program.commandsGroup('This machine:');
registerInstall(program);
registerDevices(program);
registerLinkTensorflow(program);

program.commandsGroup('Checks and measurements:');
registerGolden(program);
registerPlan(program);
registerParallel(program);
registerCheckHalf(program);
registerBench(program);
registerBundle(program);
registerConformance(program);
registerCoverage(program);
registerTest(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has printed its message; bad usage is 2 here, and 1 means that something failed.
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
