/**
 * Tensors of tfjs as text: dtype, shape and values, with the middle of long axes left out. Recognised by form, not by
 * class, so that every copy of tfjs works. Values are read asynchronously: WebGPU has no other way.
 */

interface TensorLike {
  dtype: string;
  shape: number[];
  size: number;
  isDisposed: boolean;
  dataId: object;
  data(): Promise<ArrayLike<number | string>>;
}

/** Above this only the ends of each axis are shown. */
const mostValues = 1000;
const edge = 3;
/** Reading more than this only to show its corners would be a surprise: 64 MiB of float32. */
const mostRead = 16 * 1024 * 1024;

export function isTensor(value: unknown): value is TensorLike {
  if (typeof value !== 'object' || value === null) return false;
  const it = value as Partial<TensorLike> & { rankType?: unknown };
  return (
    Array.isArray(it.shape) &&
    typeof it.dtype === 'string' &&
    typeof it.data === 'function' &&
    typeof it.dataId === 'object' &&
    typeof it.isDisposed === 'boolean'
  );
}

export function tensorHeader({
  dtype,
  shape,
  isDisposed,
}: Pick<TensorLike, 'dtype' | 'shape' | 'isDisposed'>): string {
  return `Tensor ${dtype} [${shape.join(', ')}]${isDisposed ? ' (disposed)' : ''}`;
}

export async function tensorText(tensor: TensorLike): Promise<string> {
  const header = tensorHeader(tensor);
  if (tensor.isDisposed) return header;
  if (tensor.size > mostRead) return `${header} (${tensor.size} values, not read)`;
  const values = await tensor.data();
  return `${header}\n${nested(formatter(tensor.dtype, values), tensor.shape, tensor.size)}`;
}

type Format = (index: number) => string;

function formatter(dtype: string, values: ArrayLike<number | string>): Format {
  switch (dtype) {
    case 'bool':
      return (index) => (values[index] ? 'true' : 'false');
    case 'string':
      return (index) => JSON.stringify(values[index]);
    case 'complex64':
      return (index) => `${short(values[2 * index] as number)} + ${short(values[2 * index + 1] as number)}i`;
    default:
      return (index) => short(values[index] as number);
  }
}

/** float32 carries seven digits; six of them are safe to show. */
function short(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return Object.is(value, -0) ? '-0' : String(value);
  return Number.isFinite(value) ? String(Number(value.toPrecision(6))) : String(value);
}

function nested(format: Format, shape: readonly number[], size: number): string {
  if (shape.length === 0) return format(0);
  const isShort = size > mostValues;
  const indices = (length: number): (number | undefined)[] =>
    isShort && length > 2 * edge
      ? [0, 1, 2, undefined, length - 3, length - 2, length - 1]
      : Array.from({ length }, (_, index) => index);
  const widest = { value: 0 };
  const measure = (axis: number, offset: number, visit: (index: number) => void): void => {
    for (const index of indices(shape[axis]!)) {
      if (index === undefined) continue;
      const position = offset * shape[axis]! + index;
      if (axis === shape.length - 1) visit(position);
      else measure(axis + 1, position, visit);
    }
  };
  measure(0, 0, (index) => {
    widest.value = Math.max(widest.value, format(index).length);
  });
  const render = (axis: number, offset: number, indent: string): string => {
    const isRow = axis === shape.length - 1;
    const items = indices(shape[axis]!).map((index) => {
      if (index === undefined) return '…';
      const position = offset * shape[axis]! + index;
      return isRow ? format(position).padStart(widest.value) : render(axis + 1, position, `${indent} `);
    });
    const separator = isRow ? ', ' : `,${'\n'.repeat(shape.length - 1 - axis)}${indent} `;
    return `[${items.join(separator)}]`;
  };
  return render(0, 0, '');
}
