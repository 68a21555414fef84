/**
 * A step of Adam or AdamW for the GPU in one pass: reads the parameter, its gradient and the two moments, writes the new
 * parameter and moments, and stores nothing between. The rules in `rules.ts` say what the numbers of a step are.
 */
import { registerFused } from '../compute/fused.js';
import { defineKernel, type ElementType, spread } from '../compute/launch.js';
import { sizeOf } from '../compute/ndarray.js';
import type { tf } from '../compute/tf.js';
import { remember } from '../compute/variants.js';

export const adamKernel = 'KernelbookAdam';

const threads = 256;

/** What is the same for all elements in one step. */
export type AdamStep = {
  beta1: number;
  beta2: number;
  eps: number;
  /** Coupled decay: added to the gradient, times the parameter. */
  penalty: number;
  /** Decoupled decay: the parameter is multiplied by it first. */
  shrink: number;
  /** The learning rate, corrected for the first moment's start at zero. */
  rate: number;
  /** The root of the second moment's correction. */
  rootCorrection: number;
};

interface AdamVariant {
  width: 1 | 4;
  /** The moments are zero and not read. */
  fresh: boolean;
  coupled: boolean;
}

const stepKernel = remember(({ width, fresh, coupled }: AdamVariant) => {
  const element: ElementType = width === 4 ? 'vec4<f32>' : 'f32';
  return defineKernel({
    name: 'adam.step',
    inputs: { p: element, g: element, ...(!fresh && { m: element, v: element }) } as Record<
      'p' | 'g',
      ElementType
    >,
    outputs: { newP: element, newM: element, newV: element },
    uniforms: {
      count: 'u32',
      beta1: 'f32',
      rest1: 'f32',
      beta2: 'f32',
      rest2: 'f32',
      eps: 'f32',
      penalty: 'f32',
      shrink: 'f32',
      rate: 'f32',
      rootCorrection: 'f32',
    },
    code: `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let at = (group.x + group.y * groups.x) * ${threads}u + lane;
  if (at >= u.count) { return; }
  let parameter = p[at];
  let slope = g[at]${coupled ? ' + u.penalty * parameter' : ''};
  let first = ${fresh ? '' : 'u.beta1 * m[at] + '}u.rest1 * slope;
  let second = ${fresh ? '' : 'u.beta2 * v[at] + '}u.rest2 * (slope * slope);
  newP[at] = parameter * u.shrink - first / (sqrt(second) / u.rootCorrection + u.eps) * u.rate;
  newM[at] = first;
  newV[at] = second;
}`,
  });
});

function register(moments: readonly ('m' | 'v')[]) {
  return registerFused({
    name: moments.length > 0 ? adamKernel : `${adamKernel}First`,
    inputs: ['p', 'g', ...moments],
    forward: (inputs, step: AdamStep, launch) => {
      const { shape } = inputs.p;
      const size = sizeOf(shape);
      const width = size % 4 === 0 ? 4 : 1;
      const count = size / width;
      const variant: AdamVariant = { width, fresh: moments.length === 0, coupled: step.penalty !== 0 };
      const { newP, newM, newV } = launch(stepKernel(variant), {
        inputs,
        outputs: { newP: { shape }, newM: { shape }, newV: { shape } },
        uniforms: { ...step, count, rest1: 1 - step.beta1, rest2: 1 - step.beta2 },
        workgroups: spread(Math.ceil(count / threads)),
      });
      return [newP, newM, newV];
    },
  });
}

const firstStep = register([]);
const laterStep = register(['m', 'v']);

/** One step by the fused kernel; shapes checked by the caller, not empty. The slots are the two moments. */
export function runAdam(
  parameter: tf.Tensor,
  gradient: tf.Tensor,
  slots: readonly tf.Tensor[] | undefined,
  step: AdamStep,
): { parameter: tf.Tensor; slots: tf.Tensor[] } {
  const inputs = { p: parameter, g: gradient };
  const outputs =
    slots === undefined || slots.length === 0
      ? firstStep.run(inputs as Record<'p' | 'g' | 'm' | 'v', tf.Tensor>, step)
      : laterStep.run({ ...inputs, m: slots[0]!, v: slots[1]! }, step);
  const [updated, ...moments] = outputs as [tf.Tensor, tf.Tensor, tf.Tensor];
  return { parameter: updated, slots: moments };
}
