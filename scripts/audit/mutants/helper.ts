/**
 * What mutated cells call, run in the kernel before them: a value a thousandth too large, and a value rounded to the
 * 11 bits of half precision. Both take numbers, tensors, arrays of them and objects that hold them in `data`, and give
 * anything else back as it is. The rounding is Veltkamp's splitting (T. Dekker, Numerische Mathematik 18, 1971), which
 * works in any precision that has more bits.
 */
export const scaledName = 'kernelbookAuditScaled';
export const halfName = 'kernelbookAuditHalf';

const body = (t: { generic: string; any: string; same: string; number: string }) => `
function kernelbookAuditChanged${t.generic}(x${t.same}, number${t.number}, tensor${t.any})${t.same} {
  const change = (value${t.any})${t.any} => {
    if (typeof value === 'number') return Number.isFinite(value) ? number(value) : value;
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(change);
    if (value instanceof Float32Array || value instanceof Float64Array) return value.map((one) => change(one));
    if (typeof value.then === 'function') return value.then(change);
    if (typeof value.dataSync === 'function') return value.dtype === 'float32' ? tensor(value) : value;
    if (!ArrayBuffer.isView(value.data)) return value;
    const copy = Object.assign(Object.create(Object.getPrototypeOf(value)), value);
    copy.data = change(value.data);
    return copy;
  };
  return change(x);
}
function ${scaledName}${t.generic}(x${t.same})${t.same} {
  return kernelbookAuditChanged(x, (value${t.any}) => value * 1.001, (value${t.any}) => value.mul(1.001));
}
function ${halfName}${t.generic}(x${t.same})${t.same} {
  const number = (value${t.any}) => {
    const split = value * (2 ** 42 + 1);
    return Number.isFinite(split) ? split - (split - value) : value;
  };
  const tensor = (value${t.any}) => {
    const split = value.mul(2 ** 13 + 1);
    return split.sub(split.sub(value));
  };
  return kernelbookAuditChanged(x, number, tensor);
}
`;

/** For kernels whose language is TypeScript. */
export const typescriptHelper = body({
  generic: '<T>',
  any: ': any',
  same: ': T',
  number: ': (value: number) => number',
});

export const javascriptHelper = body({ generic: '', any: '', same: '', number: '' });

export const pythonHelper = `
def _kernelbook_audit_changed(x, change):
    if isinstance(x, (list, tuple)):
        return type(x)(_kernelbook_audit_changed(one, change) for one in x) if type(x) in (list, tuple) else x
    if isinstance(x, bool) or x is None or isinstance(x, str):
        return x
    kind = getattr(x, 'dtype', None)
    if kind is not None:
        return change(x) if 'float' in str(kind) else x
    return change(x) if isinstance(x, (int, float)) else x

def _kernelbook_audit_scaled(x):
    return _kernelbook_audit_changed(x, lambda value: value * 1.001)

def _kernelbook_audit_half(x):
    def half(value):
        if hasattr(value, 'half') and hasattr(value, 'to'):
            return value.half().to(value.dtype)
        if hasattr(value, 'astype'):
            return value.astype('float16').astype(value.dtype)
        import struct
        try:
            return type(value)(struct.unpack('e', struct.pack('e', value))[0])
        except (OverflowError, struct.error):
            return value
    return _kernelbook_audit_changed(x, half)
`;
