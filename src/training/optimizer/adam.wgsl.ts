/**
 * A step of Adam or AdamW for the GPU in one pass: reads the parameter, its gradient and the two moments, writes the new
 * parameter and moments, and stores nothing between. The rules in `rules.ts` say what the numbers of a step are. Of a half
 * parameter and its half gradient the moments are float32, and where wanted a float32 copy, from which the next step starts.
 */
import { registerFused } from '../../compute/fused.js';
import { defineKernel, type ElementType } from '../../compute/kernel.js';
import { spread } from '../../compute/launch.js';
import { sizeOf } from '../../compute/ndarray.js';
import {
  elementOf,
  type Storage,
  storageCode,
  storageExtensions,
  storageOf,
  storageSuffix,
  storedShape,
} from '../../compute/storage.js';
import type { tf } from '../../compute/tf.js';
import { remember } from '../../compute/variants.js';

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
  /** The largest second moment so far is kept, and divides instead of the present one. */
  amsgrad: boolean;
};

/** A half parameter: its shape, whether a float32 copy is kept, and what its gradient is multiplied by. */
export type HalfStep = { shape: number[]; master: boolean; unscale: number };

interface AdamVariant {
  width: 1 | 4;
  /** The moments are zero and not read. */
  fresh: boolean;
  coupled: boolean;
  amsgrad: boolean;
  /** Of the parameter that is read: f32 where that is the copy. */
  source: Storage;
  /** Of the gradient and of the new parameter. */
  storage: Storage;
  master: boolean;
}

const stepKernel = remember((variant: AdamVariant) => {
  const { width, fresh, coupled, amsgrad, source, storage, master } = variant;
  const moment = elementOf('f32', width);
  const own = elementOf(storage, width);
  return defineKernel({
    name: `adam.step${storageSuffix(storage)}`,
    inputs: {
      p: elementOf(source, width),
      g: own,
      ...(!fresh && { m: moment, v: moment, ...(amsgrad && { top: moment }) }),
    } as Record<'p' | 'g', ElementType>,
    outputs: {
      newP: own,
      newM: moment,
      newV: moment,
      ...(amsgrad && { newTop: moment }),
      ...(master && { copy: moment }),
    } as Record<'newP' | 'newM' | 'newV', ElementType>,
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
      unscale: 'f32',
    },
    extensions: storageExtensions(storage),
    code: `${storageCode(storage, width)}
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let at = (group.x + group.y * groups.x) * ${threads}u + lane;
  if (at >= u.count) { return; }
  let parameter = V(p[at]);
  let slope = V(g[at])${storage === 'f16' ? ' * u.unscale' : ''}${coupled ? ' + u.penalty * parameter' : ''};
  let first = ${fresh ? '' : 'u.beta1 * m[at] + '}u.rest1 * slope;
  let second = ${fresh ? '' : 'u.beta2 * v[at] + '}u.rest2 * (slope * slope);
  let size = ${amsgrad && !fresh ? 'max(top[at], second)' : 'second'};
  let updated = parameter * u.shrink - first / (sqrt(size) / u.rootCorrection + u.eps) * u.rate;
  newP[at] = W(updated);
  newM[at] = first;
  newV[at] = second;
  ${amsgrad ? 'newTop[at] = size;' : ''}
  ${master ? 'copy[at] = updated;' : ''}
}`,
  });
});

function register(name: string, moments: readonly ('m' | 'v' | 'top')[]) {
  return registerFused({
    name,
    inputs: ['p', 'g', ...moments],
    forward: (inputs, step: AdamStep & HalfStep, launch) => {
      const { shape, master, amsgrad } = step;
      const size = sizeOf(shape);
      const width = size % 4 === 0 ? 4 : 1;
      const count = size / width;
      const [source, storage] = [storageOf(inputs.p), storageOf(inputs.g)];
      const fresh = moments.length === 0;
      const coupled = step.penalty !== 0;
      const variant: AdamVariant = { width, fresh, coupled, amsgrad, source, storage, master };
      const made = launch(stepKernel(variant), {
        inputs,
        outputs: {
          newP: { shape: storedShape(storage, shape) },
          newM: { shape },
          newV: { shape },
          ...(amsgrad && { newTop: { shape } }),
          ...(master && { copy: { shape } }),
        },
        uniforms: { ...step, count, rest1: 1 - step.beta1, rest2: 1 - step.beta2 },
        workgroups: spread(Math.ceil(count / threads)),
      });
      return Object.values(made);
    },
  });
}

const firstStep = register(`${adamKernel}First`, []);
const laterStep = register(adamKernel, ['m', 'v']);
const laterStepAmsgrad = register(`${adamKernel}Amsgrad`, ['m', 'v', 'top']);

/**
 * One step by the fused kernel; shapes checked by the caller, not empty.
 * @param parameter float32, or packed with its packed gradient @param half says what a packed parameter is
 * @returns of its kind the parameter; the slots are the two moments and, where they are kept, the largest second moment and the copy
 */
export function runAdam(
  parameter: tf.Tensor,
  gradient: tf.Tensor,
  slots: readonly tf.Tensor[] | undefined,
  step: AdamStep,
  half: HalfStep = { shape: parameter.shape, master: false, unscale: 1 },
): { parameter: tf.Tensor; slots: tf.Tensor[] } {
  const [m, v, ...others] = slots ?? [];
  const [top, copy] = step.amsgrad ? others : [undefined, ...others];
  const inputs = { p: copy ?? parameter, g: gradient };
  const attributes = { ...step, ...half };
  const outputs =
    m && v
      ? top
        ? laterStepAmsgrad.run({ ...inputs, m, v, top }, attributes)
        : laterStep.run({ ...inputs, m, v } as Record<'p' | 'g' | 'm' | 'v' | 'top', tf.Tensor>, attributes)
      : firstStep.run(inputs as Record<'p' | 'g' | 'm' | 'v' | 'top', tf.Tensor>, attributes);
  const [updated, ...kept] = outputs as [tf.Tensor, ...tf.Tensor[]];
  return { parameter: updated, slots: kept };
}
