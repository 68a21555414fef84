/** tensorScatterUpdate on the cpu backend writes its updates into the tensor it was given; here it gets a copy. */
import { makeTensor, overrideKernel } from './override.js';

export function repairTensorScatterUpdate(): void {
  overrideKernel('TensorScatterUpdate', 'cpu', (original) => (inputs, attrs, backend) => {
    const { dataId, shape, dtype } = inputs.tensor!;
    const values = backend.readSync(dataId) as Float32Array | Int32Array | Uint8Array;
    const copy = makeTensor(backend, shape, dtype, values.slice());
    const result = original({ ...inputs, tensor: copy }, attrs, backend);
    backend.disposeData(copy.dataId);
    return result;
  });
}
