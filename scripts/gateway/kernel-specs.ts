/** The kernelspecs a server tells of; those that are not what they should be are left out. */
import type { KernelSpec } from '../../kernel/kernelspec.js';
import { isObject } from '../notebook/format.js';

/** @returns undefined where the answer is no Jupyter server's */
export function kernelSpecsOf(answer: unknown): KernelSpec[] | undefined {
  if (!isObject(answer) || !isObject(answer.kernelspecs)) return undefined;
  return Object.values(answer.kernelspecs).flatMap((model) => {
    if (!isObject(model) || !isObject(model.spec)) return [];
    const { name } = model;
    const { argv, display_name: displayName, language, metadata } = model.spec;
    if (typeof name !== 'string') return [];
    return [
      {
        name,
        displayName: typeof displayName === 'string' ? displayName : name,
        language: typeof language === 'string' ? language : '',
        argv: Array.isArray(argv) ? argv.map(String) : [],
        // The server interrupts its kernels itself, as each of them wants it.
        interruptMode: 'message' as const,
        env: {},
        resourceDir: '',
        metadata: isObject(metadata) ? metadata : {},
      },
    ];
  });
}
