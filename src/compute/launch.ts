/**
 * Runs fused kernels inside tfjs's own command encoder, on tensors that stay where they are: `launch` checks the tensors
 * against the kernel's description (`kernel.ts`), allocates the outputs from tfjs's pool and records the dispatch.
 * Nothing waits for the GPU: compile errors throw at the next readback, named after the kernel.
 */
import type { Buffers, ElementType, Kernel, Uniforms, UniformType } from './kernel.js';
import { sizeOf } from './ndarray.js';
import { pipelineFor } from './pipeline.js';
import { tf } from './tf.js';
import type { BackendInternals, GpuBackend } from './webgpu-backend.js';

export interface OutputShape {
  readonly shape: readonly number[];
  /** Default: float32 for f32 elements, int32 for the others. */
  readonly dtype?: 'float32' | 'int32' | 'bool';
}

export interface LaunchArguments<I extends Buffers, O extends Buffers, U extends Uniforms> {
  inputs: { [name in keyof I]: tf.TensorInfo };
  outputs: { [name in keyof O]: OutputShape };
  uniforms: { [name in keyof U]: number };
  /** Workgroups in x, y, z. Each at most the device's limit (65535 everywhere): see `spread`. */
  workgroups: readonly [number, number?, number?];
}

/**
 * Workgroup counts for `n` workgroups in one dimension, folded into two where the limit asks for it. The kernel
 * computes its index as `workgroup_id.x + workgroup_id.y * num_workgroups.x` and must check it against `n`.
 */
export function spread(n: number, limit = 65535): [number, number] {
  if (n <= limit) return [n, 1];
  const rows = Math.ceil(n / limit);
  return [Math.ceil(n / rows), rows];
}

/**
 * Records one dispatch on the webgpu backend and returns its outputs by name, without waiting.
 * Called from the forward function given to `registerFused`.
 * @throws Error when a tensor does not fit the kernel's description or the device's limits.
 */
export function launch<I extends Buffers, O extends Buffers, U extends Uniforms>(
  backend: GpuBackend,
  kernel: Kernel<I, O, U>,
  { inputs, outputs, uniforms, workgroups }: LaunchArguments<I, O, U>,
): { [name in keyof O]: tf.TensorInfo } {
  backend.gpu.errors.assertAlive();
  const [x, y = 1, z = 1] = workgroups;
  const made = allocate(backend, kernel, outputs);
  const infos = Object.values<tf.TensorInfo>(made);
  if (infos.every(({ shape }) => sizeOf(shape) === 0)) return made;
  try {
    checkWorkgroups(backend.gpu.device.limits, kernel.name, [x, y, z]);
    const { pipeline, layout } = pipelineFor(backend.gpu, kernel);
    const buffers = [
      ...buffersOf(backend, kernel.name, kernel.inputs, inputs),
      ...buffersOf(backend, kernel.name, kernel.outputs, made),
    ];
    if (kernel.uniforms) buffers.push(uniformBuffer(backend.internals, kernel, uniforms));
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    const group = backend.gpu.device.createBindGroup({ layout, entries });
    for (const info of [...Object.values<tf.TensorInfo>(inputs), ...infos]) {
      backend.internals.commandQueueOwnedIds.add(info.dataId);
    }
    record(backend.internals, kernel.name, pipeline, group, [x, y, z]);
  } catch (error) {
    for (const info of infos) backend.disposeData(info.dataId);
    throw error;
  }
  if (!kernel.internal) counts.set(kernel.name, (counts.get(kernel.name) ?? 0) + 1);
  return made;
}

function allocate<O extends Buffers>(
  backend: GpuBackend,
  kernel: Kernel<Buffers, O>,
  outputs: { [name in keyof O]: OutputShape },
): { [name in keyof O]: tf.TensorInfo } {
  const made: Record<string, tf.TensorInfo> = {};
  for (const [name, element] of Object.entries<ElementType>(kernel.outputs)) {
    const { shape, dtype = isFloat32(element) ? 'float32' : 'int32' } = outputs[name]!;
    const empty = sizeOf(shape) === 0 ? new Float32Array(0) : undefined;
    made[name] = backend.makeTensorInfo([...shape], dtype, empty);
  }
  return made as { [name in keyof O]: tf.TensorInfo };
}

function buffersOf(
  backend: GpuBackend,
  kernel: string,
  declared: Buffers,
  tensors: Record<string, tf.TensorInfo>,
): GPUBuffer[] {
  return Object.entries(declared).map(([name, element]) =>
    bufferOf(backend, kernel, name, element, tensors[name]!),
  );
}

/** The tensor's GPU buffer (uploaded when it is still on the CPU), checked against how the kernel reads it. */
function bufferOf(
  backend: GpuBackend,
  kernel: string,
  name: string,
  element: ElementType,
  tensor: tf.TensorInfo,
): GPUBuffer {
  const { internals } = backend;
  const size = sizeOf(tensor.shape);
  const fail = (problem: string): never => {
    throw new Error(`${kernel}: buffer ${name} of shape [${tensor.shape}] ${problem}`);
  };
  if (size === 0) fail('is empty; handle empty tensors before the launch');
  // The abstract dtype may lie about the buffer; what the backend stored does not.
  const { dtype } = internals.tensorMap.get(tensor.dataId);
  const fits = isFloat32(element) ? dtype === 'float32' : dtype === 'int32' || dtype === 'bool';
  if (!fits) fail(`holds ${dtype}, but the kernel reads ${element}`);
  const bytes = size * 4;
  const stride = elementBytes(element);
  if (bytes % stride !== 0) fail(`holds ${bytes} bytes, not a multiple of ${stride} as ${element} needs`);
  const limit = backend.gpu.device.limits.maxStorageBufferBindingSize;
  if (bytes > limit) {
    fail(`needs ${bytes} bytes; this device binds at most ${limit} (use smaller shapes or split the batch)`);
  }
  internals.uploadToGPU(tensor.dataId);
  return internals.tensorMap.get(tensor.dataId).resource!;
}

function isFloat32(element: ElementType): boolean {
  return element.includes('f32');
}

function elementBytes(element: ElementType): number {
  const lanes = element.startsWith('vec') ? Number(element[3]) : 1;
  return lanes * (element.includes('f16') ? 2 : 4);
}

/** Scalars of four bytes, in declaration order, padded to WebGPU's sixteen. */
function uniformBuffer(
  internals: BackendInternals,
  kernel: Kernel,
  values: Record<string, number>,
): GPUBuffer {
  const types = Object.entries<UniformType>(kernel.uniforms!);
  const data = new DataView(new ArrayBuffer(Math.ceil(types.length / 4) * 16));
  types.forEach(([name, type], index) => {
    const value = values[name]!;
    const whole = Number.isInteger(value) && (type === 'i32' || value >= 0);
    if (type !== 'f32' && !whole)
      throw new Error(`${kernel.name}: uniform ${name} must be ${type}, got ${value}`);
    if (type === 'f32') data.setFloat32(index * 4, value, true);
    else if (type === 'i32') data.setInt32(index * 4, value, true);
    else data.setUint32(index * 4, value, true);
  });
  const usage = GPUBufferUsage.COPY_DST | GPUBufferUsage.UNIFORM;
  const buffer = internals.bufferManager.acquireBuffer(data.byteLength, usage);
  internals.queue.writeBuffer(buffer, 0, data.buffer);
  internals.uniformPendingDisposal.push(buffer);
  return buffer;
}

function checkWorkgroups(limits: GPUSupportedLimits, name: string, workgroups: readonly number[]): void {
  const limit = limits.maxComputeWorkgroupsPerDimension;
  if (workgroups.some((count) => !Number.isInteger(count) || count < 1 || count > limit)) {
    throw new Error(
      `${name}: workgroups [${workgroups}] must be integers of 1 to ${limit}; fold them with spread()`,
    );
  }
}

/** Adds the dispatch to tfjs's current pass, or to a pass of its own where tfjs is timing. */
function record(
  internals: BackendInternals,
  name: string,
  pipeline: GPUComputePipeline,
  group: GPUBindGroup,
  workgroups: readonly [number, number, number],
): void {
  internals.ensureCommandEncoderReady();
  const timed = internals.activeTimers != null;
  if (timed && internals.supportTimestampQuery) {
    internals.endComputePassEncoder();
    internals.querySet ??= internals.device.createQuerySet({ type: 'timestamp', count: 2 });
    const timestampWrites = {
      querySet: internals.querySet,
      beginningOfPassWriteIndex: 0,
      endOfPassWriteIndex: 1,
    };
    internals.computePassEncoder = internals.commandEncoder!.beginComputePass({ timestampWrites });
  }
  internals.computePassEncoder ??= internals.commandEncoder!.beginComputePass();
  internals.computePassEncoder.setPipeline(pipeline);
  internals.computePassEncoder.setBindGroup(0, group);
  internals.computePassEncoder.dispatchWorkgroups(...workgroups);
  internals.dispatchCountInPass += 1;
  if (timed) {
    internals.endComputePassEncoder();
    internals.activeTimers!.push({ name, query: internals.getQueryTime() });
  } else if (internals.dispatchCountInPass >= tf.env().getNumber('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE')) {
    internals.endComputePassEncoder();
    internals.submitQueue();
  }
}

const counts = new Map<string, number>();

export interface LaunchRecord {
  /** Forgets what was launched so far. */
  reset(): void;
  /** Names of the fused kernels launched since the last reset, in order of their first launch. */
  list(): string[];
  /** How often that kernel was launched since the last reset. */
  count(name: string): number;
}

/** Which fused kernels really ran: what `profile` prints as the path taken. */
export function launchedKernels(): LaunchRecord {
  return {
    reset: () => counts.clear(),
    list: () => [...counts.keys()],
    count: (name) => counts.get(name) ?? 0,
  };
}
