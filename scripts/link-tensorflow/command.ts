/**
 * `kernelbook link-tensorflow`: makes the `tensorflow` backend work with a current TensorFlow. The npm package
 * tfjs-node-gpu as published downloads a TensorFlow of 2022; its addon, built here from its own sources, links
 * against the TensorFlow of a Python environment instead.
 */
import type { Command } from 'commander';

interface LinkOptions {
  python?: string;
  install?: boolean;
  force?: boolean;
  undo?: boolean;
}

export function registerLinkTensorflow(program: Command): void {
  program
    .command('link-tensorflow')
    .description('build tfjs-node-gpu against the TensorFlow of a Python environment')
    .option('--python <path>', 'the Python whose TensorFlow to use (default: .venv/bin/python, else python3)')
    .option('--install', 'pip install TensorFlow into that Python when it is missing')
    .option('--force', 'build again even if it is linked already')
    .option('--undo', 'remove tfjs-node-gpu and the link')
    .action(async (options: LinkOptions) => {
      const { linkTensorflow, undoLink, LinkError } = await import('./link.js');
      try {
        if (options.undo) undoLink(console.log);
        else linkTensorflow(options, console.log);
      } catch (error) {
        if (!(error instanceof LinkError)) throw error;
        console.error(`kernelbook link-tensorflow: ${error.message}`);
        process.exitCode = 1;
      }
    });
}
