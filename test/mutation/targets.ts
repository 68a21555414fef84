/**
 * What is changed and which tests must notice: the kernels on webgpu, the composed forms, their gradients and the oracles on
 * cpu. A change that nothing can notice, because the results are the same, is excluded with the reason.
 */

export interface Target {
  file: string;
  /** In the order in which they are tried, until one fails. */
  tests: readonly string[];
  backend: 'webgpu' | 'cpu';
  /** Top-level declarations that are changed; default all that compute something. */
  only?: readonly string[];
}

/** A change whose line and result are these is excluded; `mutated` may be left out for every change of the line. */
export interface Equivalent {
  /** Absent: in every file. */
  file?: string;
  text: string;
  mutated?: string;
  reason: string;
}

const target = (
  backend: Target['backend'],
  file: string,
  tests: string | readonly string[],
  only?: readonly string[],
): Target => ({
  file: `src/${file}.ts`,
  tests: [tests].flat().map((test) => `test/${test}.test.ts`),
  backend,
  ...(only && { only }),
});

export const targets: readonly Target[] = [
  target('webgpu', 'norm/row-norm.wgsl', ['norm/rms-norm', 'norm/normalization'], ['forward', 'backward']),
  target('webgpu', 'norm/column-sums.wgsl', ['norm/rms-norm', 'norm/normalization'], ['kernel']),
  target('webgpu', 'softmax/softmax.wgsl', 'softmax/softmax', ['onlineRow', 'forward', 'backward']),
  target('webgpu', 'compute/rows.wgsl', ['softmax/softmax', 'compute/rows'], ['vectors', 'reduction']),
  target('webgpu', 'loss/cross-entropy.wgsl', 'loss/cross-entropy', ['hot', 'forward', 'backward']),
  target(
    'webgpu',
    'optimizer/adam.wgsl',
    ['optimizer/optimizer', 'optimizer/half'],
    ['stepKernel', 'register'],
  ),
  target('cpu', 'optimizer/half-update', 'optimizer/half'),
  target('cpu', 'optimizer/optimizer', 'optimizer/half', ['Optimizer']),
  target('webgpu', 'activation/gated.wgsl', 'activation/glu', [
    'pairForward',
    'pairBackward',
    'halvesForward',
    'halvesBackward',
  ]),
  target('webgpu', 'activation/activation.wgsl', 'activation/glu'),
  target('webgpu', 'position/rope.wgsl', 'position/rope', ['body', 'ropeKernelOf']),
  target('webgpu', 'attention/flash-attention.wgsl', 'attention/attention', ['forwardKernel']),
  target('webgpu', 'attention/flash-attention-gradient.wgsl', 'attention/attention', [
    'queryGradientKernel',
    'keyGradientKernel',
  ]),
  target('webgpu', 'attention/decode-attention.wgsl', 'attention/attention', [
    'reduction',
    'pieceKernel',
    'mergeKernel',
  ]),
  target('webgpu', 'attention/flash-tile.wgsl', 'attention/attention', [
    'loader',
    'scoring',
    'ownQueries',
    'keysSeen',
  ]),
  target('webgpu', 'half/convert', 'half/convert', ['body', 'packKernel', 'unpackKernel']),
  target('webgpu', 'half/add', 'half/gradient', ['addKernel']),
  target('webgpu', 'matmul/fused-matmul', 'half/gradient', ['product']),
  target('webgpu', 'matmul/tiled-matmul.wgsl', 'matmul/matmul', ['stage', 'tiledKernel']),
  target('webgpu', 'matmul/matmul-tile.wgsl', 'matmul/matmul', ['fetcher', 'storer']),

  target('cpu', 'activation/activation', 'activation/activation'),
  target('cpu', 'activation/activation-oracle', 'activation/activation'),
  target('cpu', 'activation/erf', 'activation/activation'),
  target('cpu', 'activation/normal-cdf', 'activation/activation'),
  target('cpu', 'activation/glu', 'activation/glu'),
  target('cpu', 'activation/glu-oracle', 'activation/glu'),
  target('cpu', 'attention/alibi-slopes', ['attention/attention-oracle', 'attention/attention']),
  target('cpu', 'attention/attention-composed', 'attention/attention'),
  target('cpu', 'attention/attention-oracle', ['attention/attention-oracle', 'attention/attention']),
  target('cpu', 'attention/linear-attention', 'attention/linear-attention'),
  target('cpu', 'attention/linear-attention-oracle', 'attention/linear-attention'),
  target('cpu', 'attention/multi-head-attention', 'attention/multi-head-attention'),
  target('cpu', 'attention/pool-heads', 'attention/pool-heads'),
  target('cpu', 'feed-forward/feed-forward', 'feed-forward/feed-forward'),
  target('cpu', 'feed-forward/feed-forward-oracle', 'feed-forward/feed-forward'),
  target('cpu', 'half/binary16', 'half/convert', ['halfBits', 'halfValue']),
  target('cpu', 'half/half-oracle', 'half/convert'),
  target('cpu', 'loss/cross-entropy', 'loss/cross-entropy'),
  target('cpu', 'loss/cross-entropy-oracle', 'loss/cross-entropy'),
  target('cpu', 'llama/llama-oracle', 'llama/llama'),
  target('cpu', 'matmul/matmul', 'matmul/matmul', ['matmulOracle']),
  target('cpu', 'moe/mixture-of-experts', 'moe/mixture-of-experts'),
  target('cpu', 'moe/mixture-of-experts-oracle', 'moe/mixture-of-experts'),
  target('cpu', 'norm/channel-norm', 'norm/normalization'),
  target('cpu', 'norm/norm-oracle', ['norm/normalization', 'norm/weight-norm']),
  target('cpu', 'norm/rms-norm', 'norm/rms-norm'),
  target('cpu', 'norm/row-scale', ['norm/rms-norm', 'norm/normalization']),
  target('cpu', 'norm/standardize', 'norm/normalization'),
  target('cpu', 'norm/weight-norm', 'norm/weight-norm'),
  target('cpu', 'optimizer/optimizer-oracle', 'optimizer/optimizer'),
  target('cpu', 'optimizer/rules', 'optimizer/optimizer'),
  target('cpu', 'position/absolute', 'position/absolute'),
  target('cpu', 'position/relative', 'position/relative'),
  target('cpu', 'position/rope', ['position/rope', 'position/rope-forms']),
  target('cpu', 'position/rope-2d', 'position/rope-scaling'),
  target('cpu', 'position/rope-forms', 'position/rope-forms'),
  target('cpu', 'position/rope-scaling', 'position/rope-scaling'),
  target('cpu', 'position/rope-table', ['position/rope', 'position/rope-scaling']),
  target('cpu', 'softmax/softmax', 'softmax/softmax'),
];

/** Workgroups are folded into two dimensions beyond 65,535 only, which the launcher's own tests do. */
const folded = 'group.y is 0 at the sizes of these tests';

export const equivalents: readonly Equivalent[] = [
  { text: 'group.x + group.y * groups.x', mutated: 'group.x - group.y', reason: folded },
  { text: 'group.x + group.y * groups.x', mutated: 'group.y / groups.x', reason: folded },
  {
    file: 'src/attention/linear-attention.ts',
    text: 'if (n < sizes.length - 1)',
    mutated: 'sizes.length + 1',
    reason: 'nothing reads the state after the last chunk',
  },
  { file: 'src/optimizer/adam.wgsl.ts', text: 'First`,', reason: 'any two names are as good' },
  {
    file: 'src/optimizer/adam.wgsl.ts',
    text: 'const count = size / width',
    reason: 'WebGPU writes nothing beyond the end of a buffer',
  },
  {
    file: 'src/optimizer/adam.wgsl.ts',
    text: 'spread(Math.ceil(count / threads))',
    reason: 'workgroups beyond the last element do nothing',
  },
  {
    file: 'src/activation/erf.ts',
    text: 'if (x > 30) return 0;',
    reason: 'beyond 27.3 erfc is below the smallest double, so that any larger limit gives 0 too',
  },
  {
    file: 'src/attention/attention-composed.ts',
    text: 'axes.length > 0 ?',
    reason: 'a sum over no axes is the tensor itself',
  },
];
