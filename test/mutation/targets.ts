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
  target(
    'webgpu',
    'layers/norm/row-norm.wgsl',
    ['layers/norm/rms-norm', 'layers/norm/normalization'],
    ['forward', 'backward'],
  ),
  target(
    'webgpu',
    'layers/norm/column-sums.wgsl',
    ['layers/norm/rms-norm', 'layers/norm/normalization'],
    ['kernel'],
  ),
  target('webgpu', 'layers/softmax/softmax.wgsl', 'layers/softmax/softmax', [
    'onlineRow',
    'forward',
    'backward',
  ]),
  target('webgpu', 'compute/rows.wgsl', ['layers/softmax/softmax', 'compute/rows'], ['vectors', 'reduction']),
  target('webgpu', 'training/loss/cross-entropy.wgsl', 'training/loss/cross-entropy', [
    'hot',
    'smoothing',
    'forward',
    'backward',
  ]),
  target(
    'webgpu',
    'training/optimizer/adam.wgsl',
    ['training/optimizer/optimizer', 'training/optimizer/half'],
    ['stepKernel', 'register'],
  ),
  target('cpu', 'training/optimizer/half-update', 'training/optimizer/half'),
  target('cpu', 'training/optimizer/optimizer', 'training/optimizer/half', ['Optimizer']),
  target('webgpu', 'layers/activation/gated.wgsl', 'layers/activation/glu', [
    'pairForward',
    'pairBackward',
    'halvesForward',
    'halvesBackward',
  ]),
  target('webgpu', 'layers/activation/activation.wgsl', 'layers/activation/glu'),
  target('webgpu', 'layers/position/rope.wgsl', 'layers/position/rope', ['body', 'ropeKernelOf']),
  target('webgpu', 'layers/attention/flash-attention.wgsl', 'layers/attention/attention', ['forwardKernel']),
  target('webgpu', 'layers/attention/flash-attention-gradient.wgsl', 'layers/attention/attention', [
    'queryGradientKernel',
    'keyGradientKernel',
  ]),
  target('webgpu', 'layers/attention/decode-attention.wgsl', 'layers/attention/attention', [
    'reduction',
    'pieceKernel',
    'mergeKernel',
  ]),
  target('webgpu', 'layers/attention/flash-tile.wgsl', 'layers/attention/attention', [
    'loader',
    'scoring',
    'ownQueries',
    'keysSeen',
  ]),
  target('webgpu', 'compute/half/convert', 'compute/half/convert', ['body', 'packKernel', 'unpackKernel']),
  target('webgpu', 'compute/half/add', 'compute/half/gradient', ['addKernel']),
  target('webgpu', 'layers/matmul/fused-matmul', 'compute/half/gradient', ['product']),
  target('webgpu', 'layers/matmul/tiled-matmul.wgsl', 'layers/matmul/matmul', ['stage', 'tiledKernel']),
  target('webgpu', 'layers/matmul/matmul-tile.wgsl', 'layers/matmul/matmul', ['fetcher', 'storer']),

  target('webgpu', 'training/fine-tuning/nf4/nf4-decode.wgsl', 'training/fine-tuning/nf4'),
  target('webgpu', 'training/fine-tuning/nf4/nf4-matmul.wgsl', 'training/fine-tuning/nf4'),

  target('cpu', 'layers/activation/activation', 'layers/activation/activation'),
  target('cpu', 'layers/activation/activation-oracle', 'layers/activation/activation'),
  target('cpu', 'layers/activation/erf', 'layers/activation/activation'),
  target('cpu', 'layers/activation/normal-cdf', 'layers/activation/activation'),
  target('cpu', 'layers/activation/glu', 'layers/activation/glu'),
  target('cpu', 'layers/activation/glu-oracle', 'layers/activation/glu'),
  target('cpu', 'layers/attention/alibi-slopes', [
    'layers/attention/attention-oracle',
    'layers/attention/attention',
  ]),
  target('cpu', 'layers/attention/attention-composed', 'layers/attention/attention'),
  target('cpu', 'layers/attention/attention-oracle', [
    'layers/attention/attention-oracle',
    'layers/attention/attention',
  ]),
  target('cpu', 'layers/attention/linear-attention', 'layers/attention/linear-attention'),
  target('cpu', 'layers/attention/linear-attention-oracle', 'layers/attention/linear-attention'),
  target('cpu', 'layers/attention/multi-head-attention', 'layers/attention/multi-head-attention'),
  target('cpu', 'layers/attention/pool-heads', 'layers/attention/pool-heads'),
  target('cpu', 'layers/feed-forward/feed-forward', 'layers/feed-forward/feed-forward'),
  target('cpu', 'layers/feed-forward/feed-forward-oracle', 'layers/feed-forward/feed-forward'),
  target('cpu', 'compute/half/binary16', 'compute/half/convert', ['halfBits', 'halfValue']),
  target('cpu', 'compute/half/half-oracle', 'compute/half/convert'),
  target('cpu', 'training/loss/cross-entropy', 'training/loss/cross-entropy'),
  target('cpu', 'training/loss/cross-entropy-oracle', 'training/loss/cross-entropy'),
  target('cpu', 'training/loss/accumulation', 'training/loss/targets'),
  target('cpu', 'training/loss/bert-masking', 'training/loss/objectives'),
  target('cpu', 'training/loss/packing', 'training/loss/objectives'),
  target('cpu', 'training/loss/span-corruption', 'training/loss/objectives'),
  target('cpu', 'training/loss/visibility', 'training/loss/objectives'),
  target('cpu', 'training/loss/next-token', 'training/loss/targets'),
  target('cpu', 'training/loss/targets', ['training/loss/targets', 'training/loss/cross-entropy']),
  target('cpu', 'training/metrics/calibration', 'training/metrics/evaluation'),
  target('cpu', 'training/metrics/flops', 'training/metrics/counting'),
  target('cpu', 'training/metrics/noise-scale', 'training/metrics/counting'),
  target('cpu', 'training/metrics/parameters', 'training/metrics/counting'),
  target('cpu', 'training/metrics/utilization', 'training/metrics/counting'),
  target('cpu', 'training/metrics/windows', 'training/metrics/evaluation'),
  target('cpu', 'training/metrics/token-metrics', 'training/metrics/token-metrics'),
  target('cpu', 'models/llama/llama-oracle', 'models/llama/llama'),
  target('cpu', 'training/fine-tuning/adapter', 'training/fine-tuning/fine-tuning'),
  target('cpu', 'training/fine-tuning/dora', 'training/fine-tuning/fine-tuning'),
  target('cpu', 'training/fine-tuning/ia3', 'training/fine-tuning/fine-tuning'),
  target('cpu', 'training/fine-tuning/lora', 'training/fine-tuning/fine-tuning'),
  target('cpu', 'training/fine-tuning/low-rank-oracle', 'training/fine-tuning/fine-tuning'),
  target('cpu', 'training/fine-tuning/lstm', 'training/fine-tuning/fine-tuning'),
  target('cpu', 'training/fine-tuning/nf4/nf4-format', 'training/fine-tuning/nf4'),
  target('cpu', 'training/fine-tuning/nf4/nf4-weight', 'training/fine-tuning/nf4'),
  target('cpu', 'training/fine-tuning/prefix', 'training/fine-tuning/fine-tuning'),
  target('cpu', 'training/fine-tuning/virtual-tokens-oracle', 'training/fine-tuning/fine-tuning'),
  target('cpu', 'layers/matmul/matmul', 'layers/matmul/matmul', ['matmulOracle']),
  target('cpu', 'layers/moe/mixture-of-experts', 'layers/moe/mixture-of-experts'),
  target('cpu', 'layers/moe/mixture-of-experts-oracle', 'layers/moe/mixture-of-experts'),
  target('cpu', 'layers/norm/channel-norm', 'layers/norm/normalization'),
  target('cpu', 'layers/norm/norm-oracle', ['layers/norm/normalization', 'layers/norm/weight-norm']),
  target('cpu', 'layers/norm/rms-norm', 'layers/norm/rms-norm'),
  target('cpu', 'layers/norm/row-scale', ['layers/norm/rms-norm', 'layers/norm/normalization']),
  target('cpu', 'layers/norm/standardize', 'layers/norm/normalization'),
  target('cpu', 'layers/norm/weight-norm', 'layers/norm/weight-norm'),
  target('cpu', 'training/optimizer/optimizer-oracle', [
    'training/optimizer/optimizer',
    'training/optimizer/other-rules',
  ]),
  target('cpu', 'training/optimizer/rules', 'training/optimizer/optimizer'),
  target('cpu', 'training/optimizer/ada-grad', 'training/optimizer/other-rules'),
  target('cpu', 'training/optimizer/adafactor', 'training/optimizer/other-rules'),
  target('cpu', 'training/optimizer/clip', 'training/optimizer/clip'),
  target('cpu', 'training/optimizer/ema', 'training/optimizer/clip'),
  target('cpu', 'training/optimizer/groups', 'training/optimizer/groups'),
  target('cpu', 'training/optimizer/lion', 'training/optimizer/other-rules'),
  target('cpu', 'training/optimizer/matrix-oracle', 'training/optimizer/other-rules'),
  target('cpu', 'training/optimizer/muon', 'training/optimizer/other-rules'),
  target('cpu', 'training/optimizer/newton-schulz', 'training/optimizer/other-rules'),
  target('cpu', 'training/optimizer/rms-prop', 'training/optimizer/other-rules'),
  target('cpu', 'workbench/monitor/training-log', 'workbench/monitor/training-monitor'),
  target('cpu', 'workbench/monitor/training-monitor', 'workbench/monitor/training-monitor'),
  target('cpu', 'training/schedule/schedule', 'training/schedule/schedule'),
  target('cpu', 'layers/position/absolute', 'layers/position/absolute'),
  target('cpu', 'layers/position/relative', 'layers/position/relative'),
  target('cpu', 'layers/position/rope', ['layers/position/rope', 'layers/position/rope-forms']),
  target('cpu', 'layers/position/rope-2d', 'layers/position/rope-scaling'),
  target('cpu', 'layers/position/rope-forms', 'layers/position/rope-forms'),
  target('cpu', 'layers/position/rope-scaling', 'layers/position/rope-scaling'),
  target('cpu', 'layers/position/rope-table', ['layers/position/rope', 'layers/position/rope-scaling']),
  target('cpu', 'layers/softmax/softmax', 'layers/softmax/softmax'),
];

/** Workgroups are folded into two dimensions beyond 65,535 only, which the launcher's own tests do. */
const folded = 'group.y is 0 at the sizes of these tests';

export const equivalents: readonly Equivalent[] = [
  {
    file: 'src/training/fine-tuning/nf4/nf4-decode.wgsl.ts',
    text: 'spread(Math.ceil(size / threads))',
    reason: 'workgroups beyond the last element do nothing',
  },
  {
    file: 'src/training/fine-tuning/nf4/nf4-matmul.wgsl.ts',
    text: 'const total = Math.ceil(rows / tile) * tilesAcross',
    mutated: 'rows * tile',
    reason: 'tiles beyond the last row write nothing',
  },
  {
    file: 'src/training/fine-tuning/nf4/nf4-matmul.wgsl.ts',
    text: 'const tilesAcross = Math.ceil(columns / tile)',
    mutated: 'columns * tile',
    reason: 'tiles beyond the last column write nothing',
  },
  { text: 'group.x + group.y * groups.x', mutated: 'group.x - group.y', reason: folded },
  { text: 'group.x + group.y * groups.x', mutated: 'group.y / groups.x', reason: folded },
  {
    file: 'src/layers/attention/linear-attention.ts',
    text: 'if (n < sizes.length - 1)',
    mutated: 'sizes.length + 1',
    reason: 'nothing reads the state after the last chunk',
  },
  {
    file: 'src/training/schedule/schedule.ts',
    text: 'if (past < 0) return 1;',
    mutated: '0 + 1',
    reason: 'a decay begins at 1',
  },
  {
    file: 'src/training/optimizer/optimizer-oracle.ts',
    text: 'mean = alpha * mean + (1 - alpha) * g;',
    mutated: 'mean - (1 - alpha)',
    reason: 'only the square of the mean is used',
  },
  {
    file: 'src/training/optimizer/matrix-oracle.ts',
    text: 'const batches = factored ?',
    reason: 'batches beyond the last hold nothing',
  },
  {
    file: 'src/training/optimizer/matrix-oracle.ts',
    text: 'result.data[m * N + n]! +=',
    mutated: 'result.data[m * N + n]! -=',
    reason: 'a product of three matrices has two of these signs',
  },
  { file: 'src/training/optimizer/adam.wgsl.ts', text: 'First`,', reason: 'any two names are as good' },
  {
    file: 'src/training/optimizer/adam.wgsl.ts',
    text: 'const count = size / width',
    reason: 'WebGPU writes nothing beyond the end of a buffer',
  },
  {
    file: 'src/training/optimizer/adam.wgsl.ts',
    text: 'spread(Math.ceil(count / threads))',
    reason: 'workgroups beyond the last element do nothing',
  },
  {
    file: 'src/layers/activation/erf.ts',
    text: 'if (x > 30) return 0;',
    reason: 'beyond 27.3 erfc is below the smallest double, so that any larger limit gives 0 too',
  },
  {
    file: 'src/layers/attention/attention-composed.ts',
    text: 'axes.length > 0 ?',
    reason: 'a sum over no axes is the tensor itself',
  },
];
