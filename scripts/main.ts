#!/usr/bin/env node
/** The command line `kernelbook`: one subcommand per file of this folder. */
import { Command } from 'commander';

const program = new Command('kernelbook').description('A TypeScript Jupyter kernel, GPU library and workbook.');

await program.parseAsync();
