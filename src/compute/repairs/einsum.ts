/**
 * einsum with an index that one operand alone has and the result has not, or that stands twice in an operand: tfjs's cpu
 * and webgpu kernels lose an axis or answer with something else. Here the diagonal is taken and the lone index summed
 * before tfjs multiplies.
 */
import { sizeOf } from '../ndarray.js';
import type { tf } from '../tf.js';
import { type Backend, type KernelBackend, makeTensor, overrideKernel, runKernel } from './override.js';

interface Operand {
  readonly term: string;
  readonly tensor: tf.TensorInfo;
}

export function repairEinsum(backendName: Backend): void {
  overrideKernel('Einsum', backendName, (original) => (inputs, attrs, backend) => {
    const equation = (attrs.equation as string).replaceAll(' ', '');
    const [left, output, ...more] = equation.split('->') as [string, string | undefined];
    const tensors = Object.values(inputs);
    const terms = left.split(',');
    const unusual =
      equation.includes('.') || output === undefined || more.length > 0 || terms.length !== tensors.length;
    if (unusual) return original(inputs, attrs, backend);
    const made: tf.TensorInfo[] = [];
    const keep = (tensor: tf.TensorInfo) => {
      made.push(tensor);
      return tensor;
    };
    const operands = tensors.map((tensor, n): Operand => {
      const elsewhere = output + terms.filter((_, other) => other !== n).join('');
      const single = takeDiagonals({ term: terms[n]!, tensor }, backendName, backend, keep);
      return sumLone(single, elsewhere, backendName, backend, keep);
    });
    try {
      if (operands.length === 1) return arrange(operands[0]!, output, backendName, backend);
      const rule = `${operands.map(({ term }) => term).join(',')}->${output}`;
      return original(operands.map(({ tensor }) => tensor) as never, { ...attrs, equation: rule }, backend);
    } finally {
      for (const { dataId } of made) backend.disposeData(dataId);
    }
  });
}

type Keep = (tensor: tf.TensorInfo) => tf.TensorInfo;

/** Elements whose repeated indices are equal, picked by their flat positions. */
function takeDiagonals(
  { term, tensor }: Operand,
  name: Backend,
  backend: KernelBackend,
  keep: Keep,
): Operand {
  const indices = [...new Set(term)];
  if (indices.length === term.length) return { term, tensor };
  const strides = tensor.shape.map((_, axis) => sizeOf(tensor.shape.slice(axis + 1)));
  const shape = indices.map((index) => tensor.shape[term.indexOf(index)]!);
  const steps = indices.map((index) =>
    [...term].reduce((sum, other, axis) => (other === index ? sum + strides[axis]! : sum), 0),
  );
  const positions = new Int32Array(sizeOf(shape));
  for (let flat = 0; flat < positions.length; flat++) {
    let rest = flat;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      positions[flat]! += (rest % shape[axis]!) * steps[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
  }
  const where = keep(makeTensor(backend, [positions.length], 'int32', positions));
  const x = { ...tensor, shape: [sizeOf(tensor.shape)] };
  const taken = keep(runKernel('GatherV2', name, backend, { x, indices: where }, { axis: 0, batchDims: 0 }));
  return { term: indices.join(''), tensor: { ...taken, shape } };
}

function sumLone(
  { term, tensor }: Operand,
  elsewhere: string,
  name: Backend,
  backend: KernelBackend,
  keep: Keep,
): Operand {
  const axis = [...term].flatMap((index, at) => (elsewhere.includes(index) ? [] : [at]));
  if (axis.length === 0) return { term, tensor };
  const kept = [...term].filter((index) => elsewhere.includes(index)).join('');
  const shape = tensor.shape.filter((_, at) => !axis.includes(at));
  const sum = keep(runKernel('Sum', name, backend, { x: tensor }, { axis, keepDims: false }));
  return { term: kept, tensor: { ...sum, shape } };
}

/** One operand whose indices are those of the result, in another order. */
function arrange(
  { term, tensor }: Operand,
  output: string,
  name: Backend,
  backend: KernelBackend,
): tf.TensorInfo {
  const missing = [...output].find((index) => !term.includes(index));
  if (missing !== undefined) throw new Error(`einsum: no operand has the index '${missing}' of the result`);
  if (term === output) return runKernel('Identity', name, backend, { x: tensor }, {});
  const perm = [...output].map((index) => term.indexOf(index));
  return runKernel('Transpose', name, backend, { x: tensor }, { perm });
}
