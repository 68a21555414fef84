/**
 * Tensors of tfjs as outputs: dtype, shape and values. Recognised by form, not by class, so that every copy of tfjs
 * works. Values are read asynchronously, because WebGPU has no other way, and only read: nothing is disposed or made.
 */
import { arrayText, type ElementText } from './array-text.js';
import { type Headed, headed } from './headed.js';
import { matrixHtml } from './matrix.js';
import { numberText } from './number-text.js';

export interface TensorLike {
  dtype: string;
  shape: number[];
  size: number;
  isDisposed: boolean;
  dataId: object;
  data(): Promise<ArrayLike<number | string>>;
  /** A `tf.Variable` has these two. */
  name?: unknown;
  trainable?: unknown;
}

/** Reading more than this only to show its corners would be a surprise: 64 MiB of float32. */
const mostRead = 16 * 1024 * 1024;
const longestString = 60;

export function isTensor(value: object): value is TensorLike {
  // Own data first: a stranger's getters of these names must not run.
  const id: unknown = Object.getOwnPropertyDescriptor(value, 'dataId')?.value;
  if (typeof id !== 'object' || id === null) return false;
  const it = value as Partial<TensorLike>;
  return (
    Array.isArray(it.shape) &&
    typeof it.dtype === 'string' &&
    typeof it.data === 'function' &&
    typeof it.isDisposed === 'boolean'
  );
}

type Described = Pick<TensorLike, 'dtype' | 'shape' | 'isDisposed' | 'name' | 'trainable'>;

export function tensorHeader({ dtype, shape, isDisposed, name, trainable }: Described): string {
  const kind =
    typeof trainable === 'boolean'
      ? `Variable ${JSON.stringify(name)}${trainable ? '' : ' (not trainable)'}`
      : 'Tensor';
  return `${kind} ${dtype} [${shape.join(', ')}]${isDisposed ? ' (disposed)' : ''}`;
}

export async function tensorBundle(tensor: TensorLike): Promise<Headed> {
  const header = tensorHeader(tensor);
  const { shape, dtype } = tensor;
  if (tensor.isDisposed) return headed(header);
  if (tensor.size > mostRead) return headed(`${header} (${tensor.size} values, not read)`);
  const values = await tensor.data();
  const element = elementText(dtype, values);
  const body = arrayText(shape, element);
  const [rows = 0, columns = 0] = shape;
  const isMatrix = shape.length === 2 && tensor.size > 0 && dtype !== 'string' && dtype !== 'complex64';
  return headed(header, body, isMatrix ? matrixHtml(rows, columns, element) : undefined);
}

function elementText(dtype: string, values: ArrayLike<number | string>): ElementText {
  const number = (index: number) => values[index] as number;
  switch (dtype) {
    case 'bool':
      return () => (index) => (values[index] ? 'true' : 'false');
    case 'string':
      return () => (index) => quoted(values[index] as string);
    case 'complex64':
      return (positions) => {
        const text = numberText(positions.flatMap((index) => [number(2 * index), number(2 * index + 1)]));
        return (index) => {
          const imaginary = number(2 * index + 1);
          const isNegative = imaginary < 0 || Object.is(imaginary, -0);
          return `${text(number(2 * index))} ${isNegative ? '-' : '+'} ${text(Math.abs(imaginary))}i`;
        };
      };
    default:
      return (positions) => {
        const text = numberText(positions.map(number));
        return (index) => text(number(index));
      };
  }
}

function quoted(text: string): string {
  return JSON.stringify(text.length > longestString ? `${text.slice(0, longestString)}…` : text);
}
