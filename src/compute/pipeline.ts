/**
 * Compiled kernels, cached per device by their full text. WebGPU compiles asynchronously, so a broken kernel is
 * known only later: its error, with the line of WGSL, throws at the next readback, and the next launch of the
 * same kernel throws at once.
 */
import { type GpuDevice, GpuError } from './device.js';
import type { Extension, Kernel } from './kernel.js';

export interface Compiled {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** Set once the compiler has answered and refused. */
  error?: string;
}

const featureOf: Record<Extension, string> = {
  f16: 'shader-f16',
  subgroups: 'subgroups',
  chromium_experimental_subgroup_matrix: 'chromium-experimental-subgroup-matrix',
};

const caches = new WeakMap<GPUDevice, Map<string, Compiled>>();

/** @throws GpuError when the device lacks a feature the kernel needs, or when the kernel is known to be broken. */
export function pipelineFor(gpu: GpuDevice, kernel: Kernel): Compiled {
  const cache = caches.get(gpu.device) ?? new Map<string, Compiled>();
  caches.set(gpu.device, cache);
  const code = kernel.header + kernel.code;
  let compiled = cache.get(code);
  if (!compiled) {
    compiled = compile(gpu, kernel, code);
    cache.set(code, compiled);
  }
  if (compiled.error !== undefined) throw new GpuError(compiled.error);
  return compiled;
}

function compile(gpu: GpuDevice, kernel: Kernel, code: string): Compiled {
  for (const extension of kernel.extensions ?? []) {
    if (!gpu.features.includes(featureOf[extension])) {
      throw new GpuError(
        `${kernel.name}: needs the GPU feature ${featureOf[extension]}, which this device lacks`,
      );
    }
  }
  const { device } = gpu;
  const limit = device.limits.maxStorageBuffersPerShaderStage;
  const buffers = Object.keys(kernel.inputs).length + Object.keys(kernel.outputs).length;
  if (buffers > limit) {
    throw new GpuError(`${kernel.name}: uses ${buffers} buffers; this device binds at most ${limit}`);
  }
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ label: kernel.name, code });
  const layout = bindGroupLayout(device, kernel);
  const pipeline = device.createComputePipeline({
    label: kernel.name,
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: 'main' },
  });
  const compiled: Compiled = { pipeline, layout };
  gpu.errors.expect(
    device.popErrorScope().then(async (failure) => {
      if (!failure) return;
      compiled.error = await describe(kernel, module, failure.message);
      gpu.errors.addCause(compiled.error);
    }),
  );
  return compiled;
}

/** Written out rather than inferred, so that a kernel may leave a declared buffer unused. */
function bindGroupLayout(device: GPUDevice, kernel: Kernel): GPUBindGroupLayout {
  const types: GPUBufferBindingType[] = [
    ...Object.keys(kernel.inputs).map(() => 'read-only-storage' as const),
    ...Object.keys(kernel.outputs).map(() => 'storage' as const),
    ...(kernel.uniforms ? ['uniform' as const] : []),
  ];
  return device.createBindGroupLayout({
    entries: types.map((type, binding) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type },
    })),
  });
}

/** The compiler's messages with the lines they mean; failing that, what the pipeline creation said. */
async function describe(kernel: Kernel, module: GPUShaderModule, failure: string): Promise<string> {
  const { messages } = await module.getCompilationInfo();
  const headerLines = kernel.header.split('\n').length - 1;
  const lines = (kernel.header + kernel.code).split('\n');
  const errors = messages
    .filter(({ type }) => type === 'error')
    .map(({ message, lineNum }) => {
      const inCode = lineNum - headerLines;
      const place = inCode > 0 ? `line ${inCode}` : `declaration line ${lineNum}`;
      const [summary] = message.split('\n');
      return `  ${place}: ${summary}\n    ${lines[lineNum - 1]?.trim() ?? ''}`;
    });
  const detail = errors.length > 0 ? errors.join('\n') : `  ${failure.trim().split('\n')[0]}`;
  return `fused kernel ${kernel.name} does not compile:\n${detail}`;
}
