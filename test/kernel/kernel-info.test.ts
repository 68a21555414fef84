import ts from 'typescript';
import { expect, test } from 'vitest';
import { kernelInfo } from '../../kernel/worker/kernel-info.js';

test('the TypeScript version the kernel tells is the one it checks with', () => {
  expect(kernelInfo().language_info.version).toBe(ts.version);
});
