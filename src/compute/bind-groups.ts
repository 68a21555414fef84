/**
 * Bind groups are used again where the same buffers meet the same kernel, as they do in every step of a training loop.
 * That saves making them, and it is what keeps a loop that never awaits alive: Node frees the native half of a bind
 * group only between two turns of its event loop, and software Vulkan spends one of the process's 65,530 memory mappings
 * on each.
 */
import { setImmediate } from 'node:timers';
import { type GpuDevice, GpuError } from './device.js';

/** Bind groups kept, and combinations remembered of which only one was made so far. */
const cacheLimit = 16_384;
/** Bind groups made in one turn of the event loop that found no second use: what software Vulkan survives, and a GPU. */
const unusedLimit = { software: 30_000, hardware: 1_000_000 };

/** Makes `device.createBindGroup`, and what it is given as a layout, return what they returned before. */
export function reuseBindGroups(gpu: GpuDevice): void {
  const { device } = gpu;
  const createBindGroup = device.createBindGroup.bind(device);
  const createComputePipeline = device.createComputePipeline.bind(device);
  const cache = new BindGroupCache(
    createBindGroup,
    gpu.hardware ? unusedLimit.hardware : unusedLimit.software,
  );
  device.createBindGroup = (descriptor) => cache.get(descriptor);
  device.createComputePipeline = (descriptor) => {
    const pipeline = createComputePipeline(descriptor);
    const getLayout = pipeline.getBindGroupLayout.bind(pipeline);
    const layouts = new Map<number, GPUBindGroupLayout>();
    pipeline.getBindGroupLayout = (index) => {
      const layout = layouts.get(index) ?? getLayout(index);
      layouts.set(index, layout);
      return layout;
    };
    return pipeline;
  };
}

export class BindGroupCache {
  private readonly groups = new Map<string, GPUBindGroup>();
  /** Only what comes a second time is kept: what comes once dies young, and costs the garbage collector least. */
  private readonly once = new Set<string>();
  private readonly numbers = new WeakMap<object, number>();
  private numbered = 0;
  private madeInTurn = 0;

  constructor(
    private readonly create: (descriptor: GPUBindGroupDescriptor) => GPUBindGroup,
    private readonly perTurn: number,
  ) {}

  get(descriptor: GPUBindGroupDescriptor): GPUBindGroup {
    const key = this.keyOf(descriptor);
    if (key === undefined) return this.make(descriptor);
    const known = this.groups.get(key);
    if (known) return known;
    const group = this.make(descriptor);
    if (this.once.delete(key)) {
      this.groups.set(key, group);
      if (this.groups.size > cacheLimit) this.groups.delete(this.groups.keys().next().value!);
    } else {
      if (this.once.size >= cacheLimit) this.once.clear();
      this.once.add(key);
    }
    return group;
  }

  private make(descriptor: GPUBindGroupDescriptor): GPUBindGroup {
    if (this.madeInTurn === 0) setImmediate(() => (this.madeInTurn = 0));
    this.madeInTurn += 1;
    if (this.madeInTurn > this.perTurn) {
      throw new GpuError(
        `${this.perTurn} GPU operations on ever new shapes without one await: their memory is freed only between turns of the event loop, ` +
          'and the process would crash; read a value (`await loss.data()`) or `await tf.nextFrame()` every few steps',
      );
    }
    return this.create(descriptor);
  }

  /** What tells this combination from others; undefined where something else than buffers is bound. */
  private keyOf({ layout, entries }: GPUBindGroupDescriptor): string | undefined {
    let key = String(this.numberOf(layout));
    for (const { binding, resource } of entries) {
      if (!('buffer' in resource)) return undefined;
      const { buffer, offset = 0, size = '' } = resource;
      key += ` ${binding}:${this.numberOf(buffer)}:${offset}:${size}`;
    }
    return key;
  }

  private numberOf(object: object): number {
    let number = this.numbers.get(object);
    if (number === undefined) {
      number = this.numbered++;
      this.numbers.set(object, number);
    }
    return number;
  }
}
