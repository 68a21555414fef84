/**
 * Values out of tensors and into them. Reading is asynchronous on a GPU, and it is where the GPU's errors
 * surface: `read` (like `tensor.data()` on our backend) throws what went wrong before it.
 */
import { type NdArray, ndarray, sizeOf } from './ndarray.js';
import { tf } from './tf.js';

/**
 * The values of a tensor, row-major. bool tensors give 0 and 1 as int32.
 * @throws GpuError when the GPU reported an error since the last readback; TypeError for string or complex tensors.
 */
export async function read(tensor: tf.Tensor): Promise<Float32Array | Int32Array> {
  if (tensor.dtype === 'string' || tensor.dtype === 'complex64') {
    throw new TypeError(`read: a ${tensor.dtype} tensor of shape [${tensor.shape}] has no numeric values`);
  }
  const values: ArrayLike<number> = await tensor.data();
  // A backend may keep a relabelled tensor (bool as int32, int32 as float32) in its former type.
  const Typed = tensor.dtype === 'float32' ? Float32Array : Int32Array;
  return values instanceof Typed ? values : Typed.from(values);
}

/** The same values as a float64 array with the tensor's shape. Throws as `read` does. */
export async function toNdArray(tensor: tf.Tensor): Promise<NdArray> {
  return ndarray(tensor.shape, await read(tensor));
}

/** A tensor of the array's values, rounded to `dtype` (default float32). */
export function fromNdArray(array: NdArray, dtype: 'float32' | 'int32' | 'bool' = 'float32'): tf.Tensor {
  if (array.data.length !== sizeOf(array.shape)) {
    throw new RangeError(`fromNdArray: shape [${array.shape}] does not hold ${array.data.length} values`);
  }
  const values = dtype === 'float32' ? Float32Array.from(array.data) : Int32Array.from(array.data);
  return tf.tensor(values, [...array.shape], dtype);
}
