#!/usr/bin/env node
/** The command line `kernelbook`: one subcommand per file of this folder. */
import { Command, CommanderError } from 'commander';
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
import { registerRun } from './run/command.js';
import { registerStart } from './start.js';
import { registerTest } from './test/command.js';

const program = new Command('kernelbook')
  .description('A TypeScript Jupyter kernel, GPU library and workbook.')
  .exitOverride();

registerBench(program);
registerBundle(program);
registerCheck(program);
registerClean(program);
registerCheckHalf(program);
registerConformance(program);
registerConvert(program);
registerCoverage(program);
registerDevices(program);
registerInstall(program);
registerLinkTensorflow(program);
registerGolden(program);
registerGuide(program);
registerRun(program);
registerStart(program);
registerTest(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has printed its message; bad usage is 2 here, and 1 means that something failed.
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
