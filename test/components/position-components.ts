/** Positions: added, rotated, and as biases. */
import * as kernelbook from '../../src/index.js';
import { type Component, places, rows } from './component.js';
import { composites } from './composites.js';

function rope(layout: kernelbook.RopeLayout): Component {
  return {
    inputs: (R, W) => [[1, 2, R, 2 * W]],
    run: (path, x) => kernelbook.rope(x!, places(x!.shape[2]!), { layout, path }),
    fused: true,
    reference: {
      value: (x) => kernelbook.ropeOracle(x!, places(x!.shape[2]!), { layout }),
      gradients: (dy) => [kernelbook.ropeGradientOracle(dy, places(dy.shape[2]!), { layout })],
    },
    huge: [1e4, 1e37],
  };
}

export const positionComponents: Record<string, Component> = {
  learnedPositions: {
    inputs: rows,
    run: (_path, table) => kernelbook.learnedPositions(table!, table!.shape[0]!),
    reference: { value: (table) => table!, gradients: (dy) => [dy] },
    huge: [3e38],
  },
  rope: rope('half'),
  'rope interleaved': rope('interleaved'),
  rope2d: {
    inputs: (R, W) => [[1, 2, R, 4 * W]],
    run: (path, x) => {
      const at = places(x!.shape[2]!);
      return kernelbook.rope2d(x!, at, [...at].reverse(), { path });
    },
    fused: true,
    reference: {
      value: (x) => {
        const at = places(x!.shape[2]!);
        return kernelbook.rope2dOracle(x!, at, [...at].reverse());
      },
      gradients: (dy) => {
        const at = places(dy.shape[2]!);
        return [kernelbook.rope2dGradientOracle(dy, at, [...at].reverse())];
      },
    },
    huge: [1e4, 1e37],
  },
  shawRelativeBias: {
    inputs: (R, W) => [
      [1, 2, R, W],
      [5, W],
    ],
    run: (_path, q, table) => kernelbook.shawRelativeBias(q!, table!, 3),
    reference: composites.shaw,
    spreads: true,
    huge: [1e4, 1e37],
  },
  sinusoidalPositions: {
    inputs: () => [],
    run: () => kernelbook.sinusoidalPositions(3, 4),
    reference: 'takes no tensor; test/layers/position/absolute.test.ts',
  },
  t5RelativeBias: {
    inputs: () => [[32, 2]],
    run: (_path, table) => kernelbook.t5RelativeBias(table!, 3, 4),
    reference: composites.t5,
    huge: [3e38],
  },
};
