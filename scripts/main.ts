#!/usr/bin/env node
/** The command line `kernelbook`: one subcommand per file of this folder. */
import { Command } from 'commander';
import { registerBench } from './bench/command.js';
import { registerBundle } from './bundle/command.js';
import { registerCoverage } from './coverage.js';
import { registerDevices } from './devices.js';
import { registerGolden } from './golden.js';
import { registerGuide } from './guide/command.js';
import { registerInstall } from './install.js';
import { registerLinkTensorflow } from './link-tensorflow/command.js';
import { registerRun } from './run/command.js';
import { registerStart } from './start.js';
import { registerTest } from './test/command.js';

const program = new Command('kernelbook').description(
  'A TypeScript Jupyter kernel, GPU library and workbook.',
);

registerBench(program);
registerBundle(program);
registerCoverage(program);
registerDevices(program);
registerInstall(program);
registerLinkTensorflow(program);
registerGolden(program);
registerGuide(program);
registerRun(program);
registerStart(program);
registerTest(program);

await program.parseAsync();
