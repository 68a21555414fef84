import { describe, expect, it } from 'vitest';
import { cutIntoStages } from '../../../src/parallel/pipeline/index.js';

const layers = (...costs: number[]) =>
  costs.map((cost, n) => ({ name: `${n}`, parameters: new Map(), cost }));
const cut = (costs: number[], stages: number) =>
  cutIntoStages(layers(...costs) as never[], stages, ({ cost }: { cost: number }) => cost).map((stage) =>
    stage.map(({ cost }: { cost: number }) => cost),
  );

/** The dearest stage of the best of all cuts. */
function best(costs: number[], stages: number): number {
  if (stages === 1) return costs.reduce((sum, cost) => sum + cost, 0);
  let found = Infinity;
  for (let first = 1; first <= costs.length - stages + 1; first++) {
    const own = costs.slice(0, first).reduce((sum, cost) => sum + cost, 0);
    found = Math.min(found, Math.max(own, best(costs.slice(first), stages - 1)));
  }
  return found;
}

describe('cutIntoStages', () => {
  it('makes the dearest stage as cheap as any cut can', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const costs = Array.from({ length: 3 + (seed % 6) }, (_, n) => (seed * 7 + n * n * 5) % 11);
      for (let stages = 1; stages <= costs.length; stages++) {
        const stagesOf = cut(costs, stages);
        expect(stagesOf).toHaveLength(stages);
        expect(stagesOf.flat()).toEqual(costs);
        expect(stagesOf.every((stage) => stage.length > 0)).toBe(true);
        const dearest = Math.max(...stagesOf.map((stage) => stage.reduce((sum, cost) => sum + cost, 0)));
        expect(dearest).toBe(best(costs, stages));
      }
    }
  });

  it('leaves a large embedding to a stage of its own', () => {
    expect(cut([100, 10, 10, 10, 100], 3)).toEqual([[100], [10, 10, 10], [100]]);
  });

  it('refuses more stages than layers', () => {
    expect(() => cut([1, 1, 1], 4)).toThrow(
      '3 layers cannot be cut into 4 stages, each of which needs at least one; nearest: 3',
    );
    expect(() => cut([1], 0)).toThrow('the number of stages is 0');
  });
});
