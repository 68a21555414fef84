/**
 * The FlashAttention kernels as tfjs operations: registration with their gradients, one kernel per head dim and
 * combination of optional inputs, and the uniforms they read.
 */
import { type Attributes, type Fused, registerFused } from '../../compute/fused.js';
import { spread } from '../../compute/launch.js';
import { broadcastStrides } from '../../compute/shapes.js';
import { gradientOf, storageOf, storedShape } from '../../compute/storage.js';
import { type MatrixUnit, matrixUnit } from '../../compute/subgroup-matrix.js';
import { tf } from '../../compute/tf.js';
import { remember } from '../../compute/variants.js';
import type { GpuBackend } from '../../compute/webgpu-backend.js';
import { fewQueries, launchDecode } from './decode-attention.js';
import { forwardKernel } from './flash-attention.wgsl.js';
import { keyGradientKernel, queryGradientKernel } from './flash-attention-gradient.wgsl.js';
import { matrixFits, matrixForwardKernel, matrixLayout } from './flash-attention-matrix.wgsl.js';
import { type FlashVariant, layoutOf, type uniforms } from './flash-tile.wgsl.js';
import type { AttentionSetup } from './options.js';

export const flashAttentionKernel = 'KernelbookAttention';
export const largestHeadDim = 256;

type Optional = 'slopes' | 'mask';
type Uniforms = { [name in keyof typeof uniforms]: number };

/** What the kernels need to know beside shapes; strides of the mask in elements. */
interface FlashAttributes
  extends Attributes,
    Pick<AttentionSetup, 'B' | 'H' | 'K' | 'T' | 'S' | 'D' | 'scale'> {
  ahead: number;
  behind: number;
  maskStrides: number[];
  /** Whether half tensors may be multiplied by the matrix units. */
  subgroupMatrix: boolean;
}

/** No limit, without overflow when a position is added. */
const unlimited = 2 ** 30;

/** B H T S D from which on the unrolled kernels are worth their compilation on software Vulkan too. */
const largeWork = 2 ** 26;

const forward = remember(forwardKernel);
const matrixForward = remember(matrixForwardKernel);
const queryGradient = remember(queryGradientKernel);
const keyGradient = remember(keyGradientKernel);

interface Sizes {
  uniforms: Uniforms;
  workgroups: [number, number];
}

/** For workgroups that take `rows` queries (T) or keys (S) each. */
function sizes(
  variant: FlashVariant,
  attributes: FlashAttributes,
  over: 'T' | 'S',
  rows = layoutOf(variant).rows,
): Sizes {
  const { B, H, K, T, S, scale, ahead, behind, maskStrides } = attributes;
  const { columns, width } = layoutOf(variant);
  const total = over === 'T' ? B * H * Math.ceil(T / rows) : B * K * Math.ceil(S / rows);
  const [maskB = 0, maskH = 0, maskT = 0, maskS = 0] = maskStrides;
  return {
    uniforms: { T, S, H, K, total, ahead, behind, maskB, maskH, maskT, maskS, columns, width, scale },
    workgroups: spread(total),
  };
}

/** Registers the three operations for one combination of optional inputs. */
function register(optional: readonly Optional[]): Fused<'q' | 'k' | 'v' | Optional, FlashAttributes> {
  const suffix = optional.map((name) => name[0]!.toUpperCase() + name.slice(1)).join('');
  const variantOf = (q: tf.TensorInfo, { B, H, T, S, D }: FlashAttributes): FlashVariant => ({
    D,
    storage: storageOf(q),
    slopes: optional.includes('slopes'),
    mask: optional.includes('mask'),
    unrolled: (tf.backend() as GpuBackend).gpu.hardware || B * H * T * S * D >= largeWork,
  });

  const queries = registerFused({
    name: `KernelbookAttentionQueryGradient${suffix}`,
    inputs: ['q', 'k', 'v', 'out', 'dout', 'stats', ...optional],
    forward: (inputs, attributes: FlashAttributes, launch) => {
      const { q, stats } = inputs;
      const variant = variantOf(q, attributes);
      const { dq, deltas } = launch(queryGradient(variant), {
        inputs,
        outputs: { dq: { shape: q.shape }, deltas: { shape: stats.shape.slice(0, 3) } },
        ...sizes(variant, attributes, 'T'),
      });
      return [gradientOf(variant.storage, dq), deltas];
    },
  });

  const keys = registerFused({
    name: `KernelbookAttentionKeyGradient${suffix}`,
    inputs: ['q', 'k', 'v', 'dout', 'stats', 'deltas', ...optional],
    forward: (inputs, attributes: FlashAttributes, launch) => {
      const { q, k } = inputs;
      const variant = variantOf(q, attributes);
      const { dk, dv } = launch(keyGradient(variant), {
        inputs,
        outputs: { dk: { shape: k.shape }, dv: { shape: k.shape } },
        ...sizes(variant, attributes, 'S'),
      });
      return [gradientOf(variant.storage, dk), gradientOf(variant.storage, dv)];
    },
  });

  return registerFused({
    name: `${flashAttentionKernel}${suffix}`,
    inputs: ['q', 'k', 'v', ...optional],
    forward: (inputs, attributes: FlashAttributes, launch) => {
      const { q } = inputs;
      const { B, H, T, D } = attributes;
      const shape = storedShape(storageOf(q), [B, H, T, D]);
      const variant = variantOf(q, attributes);
      if (T <= fewQueries) {
        return launchDecode(launch, variant, inputs, B, sizes(variant, attributes, 'T').uniforms);
      }
      const unit = matrixUnitFor(q, attributes);
      if (unit) {
        const matrix = { ...variant, ...unit };
        const { out, stats } = launch(matrixForward(matrix), {
          inputs,
          outputs: { out: { shape }, stats: { shape: [B, H, T, 2] } },
          ...sizes(variant, attributes, 'T', matrixLayout(matrix).rows),
        });
        return [out, stats];
      }
      const { out, stats } = launch(forward(variant), {
        inputs,
        outputs: { out: { shape }, stats: { shape: [B, H, T, 2] } },
        ...sizes(variant, attributes, 'T'),
      });
      return [out, stats];
    },
    gradient: {
      saveInputs: ['q', 'k', 'v', ...optional],
      saveOutputs: [true, true],
      backward: ([dout], saved, attributes) => gradients(dout!, saved, attributes),
    },
  });

  function gradients(dout: tf.Tensor, saved: tf.Tensor[], attributes: FlashAttributes) {
    const [q, k, v] = saved as [tf.Tensor, tf.Tensor, tf.Tensor];
    const [out, stats] = saved.slice(-2) as [tf.Tensor, tf.Tensor];
    const extra = Object.fromEntries(optional.map((name, n) => [name, saved[3 + n]!])) as Record<
      Optional,
      tf.Tensor
    >;
    // At once, not per input: tfjs disposes what one input's function leaves behind before it asks for the next.
    const [dq, deltas] = queries.run({ q, k, v, out, dout, stats, ...extra }, attributes) as [
      tf.Tensor,
      tf.Tensor,
    ];
    const [dk, dv] = keys.run({ q, k, v, dout, stats, deltas, ...extra }, attributes) as [
      tf.Tensor,
      tf.Tensor,
    ];
    return { q: () => dq, k: () => dk, v: () => dv };
  }
}

const plain = register([]);
const biased = register(['slopes']);
const masked = register(['mask']);
const biasedAndMasked = register(['slopes', 'mask']);

/** The device's matrix unit, where these inputs may use it. */
function matrixUnitFor(q: tf.TensorInfo, { D, subgroupMatrix }: FlashAttributes): MatrixUnit | undefined {
  if (storageOf(q) !== 'f16' || !subgroupMatrix) return undefined;
  const { gpu } = tf.backend() as GpuBackend;
  const unit = matrixUnit(gpu);
  const memory = gpu.device.limits.maxComputeWorkgroupStorageSize;
  return unit && matrixFits({ ...unit, D }, memory) ? unit : undefined;
}

/**
 * attention by the fused kernels; inputs checked by the caller, not empty, the mask bool or int32.
 * @param q float32 [B,H,T,D], or a packed half tensor like k and v; the result is of the same kind
 */
export function flashAttention(
  q: tf.Tensor,
  k: tf.Tensor,
  v: tf.Tensor,
  setup: AttentionSetup,
  mask: tf.Tensor | undefined,
  subgroupMatrix = true,
): tf.Tensor {
  const { B, H, K, T, S, D, scale, causal, window, slopes } = setup;
  const attributes: FlashAttributes = {
    ...{ B, H, K, T, S, D },
    scale,
    ahead: causal ? 0 : unlimited,
    behind: Math.min(unlimited, Math.ceil(window) - 1),
    maskStrides: mask ? broadcastStrides(mask.shape, [B, H, T, S])! : [],
    subgroupMatrix,
  };
  return tf.tidy(() => {
    const extra: Partial<Record<Optional, tf.Tensor>> = {};
    if (slopes) extra.slopes = tf.tensor1d([...slopes], 'float32');
    if (mask) extra.mask = mask;
    const operation = slopes ? (mask ? biasedAndMasked : biased) : mask ? masked : plain;
    return operation.run(
      { q, k, v, ...extra } as Record<'q' | 'k' | 'v' | Optional, tf.Tensor>,
      attributes,
    )[0]!;
  });
}
