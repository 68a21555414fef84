/** Matrix products, plain and fused with every bias, activation and transposition, and Einstein sums by their definition. */
import { tf } from '../../../src/compute/tf.js';
import { at, build, type GridCase, sample, tensor, type Values } from './case.js';

const flip = (x: Values): Values => {
  const shape = [...x.shape.slice(0, -2), x.shape.at(-1)!, x.shape.at(-2)!];
  return build(shape, (p) => at(x, [...p.slice(0, -2), p.at(-1)!, p.at(-2)!]));
};

function product(a: Values, b: Values): Values {
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  return build([...batch, a.shape.at(-2)!, b.shape.at(-1)!], (p) => {
    const [outer, row, column] = [p.slice(0, -2), p.at(-2)!, p.at(-1)!];
    let sum = 0;
    for (let k = 0; k < a.shape.at(-1)!; k++) sum += at(a, [...outer, row, k]) * at(b, [...outer, k, column]);
    return sum;
  });
}

const activations: Record<string, (x: number) => number> = {
  linear: (x) => x,
  relu: (x) => Math.max(0, x),
  relu6: (x) => Math.min(6, Math.max(0, x)),
  elu: (x) => (x >= 0 ? x : Math.expm1(x)),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  leakyrelu: (x) => (x >= 0 ? x : 0.3 * x),
  prelu: (x) => x,
};

export function* products(): Generator<GridCase> {
  for (const [left, right] of [
    [
      [3, 5],
      [5, 4],
    ],
    [
      [2, 3, 5],
      [2, 5, 4],
    ],
    [
      [2, 1, 3, 5],
      [1, 2, 5, 4],
    ],
    [
      [1, 7],
      [7, 1],
    ],
    [
      [2, 0],
      [0, 3],
    ],
    [
      [0, 2],
      [2, 3],
    ],
    [
      [17, 33],
      [33, 18],
    ],
  ] as [number[], number[]][]) {
    for (const ta of [false, true]) {
      for (const tb of [false, true]) {
        const [a, b] = [sample(left, 'float32', 1), sample(right, 'float32', 2)];
        const [ga, gb] = [ta ? flip(a) : a, tb ? flip(b) : b];
        const label = `[${left}] [${right}]${ta ? ' first transposed' : ''}${tb ? ' second transposed' : ''}`;
        yield {
          kernel: 'BatchMatMul',
          name: `BatchMatMul ${label}`,
          run: () => tf.matMul(tensor(ga), tensor(gb), ta, tb),
          expected: () => product(a, b),
        };
        if (left.length > 3 || left.includes(0)) continue;
        const columns = right.at(-1)!;
        for (const biasShape of [undefined, [columns], [1, columns], []]) {
          for (const [activation, of] of Object.entries(activations)) {
            // Each combination is a program of its own on a GPU: every activation with the usual bias, every bias without one.
            if (activation !== 'linear' && (ta || biasShape?.length !== 1)) continue;
            const bias = biasShape && sample(biasShape, 'float32', 3);
            const slopes = activation === 'prelu' ? sample([columns], 'float32', 4) : undefined;
            yield {
              kernel: '_FusedMatMul',
              name: `_FusedMatMul ${label} bias ${biasShape ? `[${biasShape}]` : 'none'} ${activation}`,
              run: () =>
                tf.fused.matMul({
                  a: tensor(ga),
                  b: tensor(gb),
                  transposeA: ta,
                  transposeB: tb,
                  activation: activation as 'relu',
                  leakyreluAlpha: 0.3,
                  ...(bias && { bias: tensor(bias) }),
                  ...(slopes && { preluActivationWeights: tensor(slopes) }),
                }),
              expected: () => {
                const plain = product(a, b);
                return build(plain.shape, (p) => {
                  const sum = at(plain, p) + (bias ? at(bias, p) : 0);
                  return slopes && sum < 0 ? sum * at(slopes, p) : of(sum);
                });
              },
              tolerance: 1e-5,
            };
          }
        }
      }
    }
  }
}

const extents: Record<string, number> = { i: 2, j: 3, k: 4, l: 2, b: 2 };
const rules = [
  'i->i',
  'i->',
  'ij->ji',
  'ij->i',
  'ij->j',
  'ij->',
  'ijk->kj',
  'ijk->j',
  'ii->i',
  'ii->',
  'iij->ij',
  'iij->j',
  'iji->j',
  'i,i->',
  'i,i->i',
  'i,j->ij',
  'i,j->ji',
  'i,j->',
  'i,j->i',
  'i,j->j',
  'ij,j->i',
  'ij,j->ij',
  'ij,j->',
  'ij,i->i',
  'ij,i->j',
  'ij,i->',
  'ij,jk->ik',
  'ij,jk->ki',
  'ij,jk->',
  'ij,jk->i',
  'ij,jk->k',
  'ij,jk->j',
  'ij,ik->k',
  'ij,kj->ik',
  'ij,ij->',
  'ij,ij->ij',
  'ij,ij->i',
  'ij,ji->',
  'ij,k->ik',
  'ij,k->k',
  'ij,kl->jl',
  'k,ij->ik',
  'bij,bjk->bik',
  'bij,jk->bik',
  'bij,bjk->ik',
  'bij,bij->b',
  'bij,bkj->bik',
  'bijk,bik->bj',
  'ii,i->i',
  'ij,jj->i',
  'iij,jk->ik',
  'ijk,k->ij',
];

export function* einsteinSums(): Generator<GridCase> {
  for (const rule of rules) {
    const [left, output] = rule.split('->') as [string, string];
    const terms = left.split(',');
    const operands = terms.map((term, n) =>
      sample(
        [...term].map((index) => (index === 'i' ? 3 : extents[index]!)),
        'float32',
        n,
      ),
    );
    const extent = (index: string) => (index === 'i' ? 3 : extents[index]!);
    const summed = [...new Set(left.replaceAll(',', ''))].filter((index) => !output.includes(index));
    yield {
      kernel: 'Einsum',
      name: `Einsum ${rule}`,
      run: () => tf.einsum(rule, ...operands.map(tensor)),
      expected: () =>
        build([...output].map(extent), (p) =>
          build(summed.map(extent), (q) => {
            const place = (index: string) =>
              output.includes(index) ? p[output.indexOf(index)]! : q[summed.indexOf(index)]!;
            return operands.reduce((all, operand, n) => all * at(operand, [...terms[n]!].map(place)), 1);
          }).data.reduce((a, b) => a + b, 0),
        ),
      tolerance: 1e-5,
    };
  }
}
