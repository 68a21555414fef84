/** What is kept of outputs, and how it is written down. */
import { describe, expect, it, test } from 'vitest';
import type { CodeCell, Output } from '../../scripts/notebook/format.js';
import { cellFacts } from '../../scripts/regression/facts.js';
import { serialiseGolden } from '../../scripts/regression/golden-file.js';
import { defaultTolerance } from '../../scripts/regression/tolerance.js';

const settings = { skip: false, layout: false, tolerance: defaultTolerance, ignore: [] };

function factsOf(outputs: Output[], more: Partial<typeof settings> = {}) {
  const cell: CodeCell = {
    cell_type: 'code',
    id: 'c',
    metadata: {},
    source: '',
    execution_count: 1,
    outputs,
  };
  return cellFacts(cell, { ...settings, ...more });
}
const shown = (data: Record<string, unknown>): Output => ({
  output_type: 'display_data',
  data,
  metadata: {},
});

const verified = {
  kind: 'verify',
  name: 'RMSNorm',
  passed: true,
  detail: 'all 4 values within the bound',
  count: 4,
  formula: '3.0e-7',
  maxAbsolute: 1e-8,
  worst: { index: [0], actual: 1, expected: 1, error: 1e-8, allowed: 3e-7 },
  backend: 'cpu',
  path: 'composed',
};

test('streams, errors and plain values are text without what is of the machine', () => {
  const stream = (name: string, text: string): Output => ({ output_type: 'stream', name, text });
  expect(
    factsOf([
      stream('stdout', 'one 1\ntook 3.2 ms\n'),
      stream('stderr', 'a warning\n'),
      shown({ 'text/plain': '[ 1, 2 ]', 'text/html': '<table></table>' }),
      { output_type: 'error', ename: 'RangeError', evalue: 'too far', traceback: ['in /home/x/y.ts'] },
    ]),
  ).toEqual([
    { stdout: ['one 1', 'took ‹time›'] },
    { 'text/plain': '[ 1, 2 ]' },
    { error: 'RangeError: too far' },
  ]);
});

test('a check is what it checked, not the error it measured nor where it ran', () => {
  const mime = 'application/vnd.kernelbook.verify+json';
  const bundle = { [mime]: verified, 'text/plain': '✓ 1.0e-8', 'text/html': '<b>1.0e-8</b>' };
  const kept = { kind: 'verify', name: 'RMSNorm', passed: true, count: 4, bound: '3.0e-7' };
  // Shown, and the value of the cell as well: kept once.
  expect(factsOf([shown(bundle), shown(bundle)])).toEqual([{ [mime]: kept }]);
  const equal = { kind: 'equal', name: 'shape', passed: true, detail: '[1,4]' };
  expect(factsOf([shown({ [mime]: equal })])).toEqual([{ [mime]: equal }]);
});

test('a profile is its work and its paths, not its times', () => {
  const mime = 'application/vnd.kernelbook.profile+json';
  const measurements = [{ name: 'fused', path: 'fused: x', wall: { median: 0.1 }, rates: { seconds: 0.1 } }];
  const facts = { name: 'x', bytes: 8, flops: 16, backend: { name: 'webgpu', device: 'D' }, measurements };
  expect(factsOf([shown({ [mime]: facts, 'text/plain': '0.1 s' })])).toEqual([
    { [mime]: { name: 'x', bytes: 8, flops: 16, measured: ['fused'], 'path on webgpu': ['fused: x'] } },
  ]);
});

test('what names the device, and the state of widgets, is not kept', () => {
  for (const mime of ['application/vnd.kernelbook.backend+json', 'application/vnd.jupyter.widget-view+json'])
    expect(factsOf([shown({ [mime]: { name: 'cpu' }, 'text/plain': 'cpu on CPU' })])).toEqual([]);
});

describe('figures', () => {
  const mime = 'application/vnd.plotly.v1+json';
  const base64 = (array: ArrayBufferView) =>
    Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('base64');
  const layout = { title: { text: 'T' }, height: 420 };
  const trace = {
    type: 'scatter',
    name: 'a',
    line: { color: 'red' },
    x: { dtype: 'f4', bdata: base64(new Float32Array([1, 2.5])) },
    y: [1, null],
    z: { dtype: 'i2', bdata: base64(new Int16Array([1, -2, 3, 4])), shape: '2, 2' },
  };
  const kept = {
    type: 'scatter',
    name: 'a',
    x: [1, 2.5],
    y: [1, null],
    z: [
      [1, -2],
      [3, 4],
    ],
  };

  it('are the data of their traces, in whichever encoding', () => {
    expect(factsOf([shown({ [mime]: { data: [trace], layout }, 'text/plain': 'words' })])).toEqual([
      { [mime]: { data: [kept] } },
    ]);
  });

  it('have their layout on request', () => {
    expect(factsOf([shown({ [mime]: { data: [trace], layout } })], { layout: true })).toEqual([
      { [mime]: { data: [kept], layout } },
    ]);
  });
});

test('an image is its size, and HTML counts where nothing else says it', () => {
  const png = Buffer.from('89504e470d0a1a0a0000000d49484452000000200000001008060000', 'hex').toString(
    'base64',
  );
  expect(factsOf([shown({ 'image/png': png, 'text/plain': '<Figure size 640x480>' })])).toEqual([
    {
      'image/png': { width: 32, height: 16, note: 'its content is not compared' },
      'text/plain': '<Figure size 640x480>',
    },
  ]);
  const html = '<style>b{}</style><p>mean <b>3.5</b></p><script>1</script>';
  expect(factsOf([shown({ 'text/html': html })])).toEqual([{ 'text/html': 'mean 3.5' }]);
  expect(factsOf([shown({ 'text/html': html, 'text/plain': '<HTML object>' })])[0]).toHaveProperty(
    'text/html',
  );
});

test('long output stays small, and its end is kept', () => {
  const text = Array.from({ length: 100_000 }, (_, i) => `line ${i}`).join('\n');
  const [fact] = factsOf([{ output_type: 'stream', name: 'stdout', text }]);
  const kept = fact!.stdout as string[];
  expect(kept).toHaveLength(121);
  expect(kept.slice(59, 62)).toEqual(['line 59', '‹99880 more lines›', 'line 99940']);
  const [wide] = factsOf([{ output_type: 'stream', name: 'stdout', text: '1 '.repeat(100_000) }]);
  expect((wide!.stdout as string).length).toBeLessThan(600);
});

test('the file is canonical and made to be read', () => {
  const numbers = Array.from({ length: 40 }, (_, i) => i / 8);
  const text = serialiseGolden([
    { cell: 'a', outputs: [{ 'text/plain': '1' }] },
    { cell: '__proto__', outputs: [{ stdout: ['é', '"'] }, { 'application/json': { numbers } }] },
  ]);
  expect(text.split('\n').slice(0, 5)).toEqual([
    '{',
    ' "format": "kernelbook golden 1",',
    ' "cells": [',
    '  { "cell": "a", "outputs": [ { "text/plain": "1" } ] },',
    '  {',
  ]);
  expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(JSON.parse(text))));
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(110);
});
