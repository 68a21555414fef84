/**
 * What a fused kernel is: any WGSL module, described once (its buffers, its uniforms, its code). `defineKernel` writes the
 * WGSL declarations from the description; `launch.ts` runs it.
 */

/** The type of one buffer element as WGSL sees it; f16 data lives packed in int32 tensors. */
export type ElementType =
  | 'f32'
  | 'i32'
  | 'u32'
  | 'f16'
  | 'vec2<f32>'
  | 'vec4<f32>'
  | 'vec4<i32>'
  | 'vec4<u32>'
  | 'vec2<f16>'
  | 'vec4<f16>';
export type UniformType = 'u32' | 'i32' | 'f32';
export type Extension = 'f16' | 'subgroups' | 'chromium_experimental_subgroup_matrix';

export type Buffers = Readonly<Record<string, ElementType>>;
export type Uniforms = Readonly<Record<string, UniformType>>;

export interface KernelDefinition<I extends Buffers, O extends Buffers, U extends Uniforms> {
  /** Names the kernel in errors, timings and the launch record, e.g. `rmsNorm.forward`. */
  readonly name: string;
  /** Input buffers, in binding order; each is a read-only `array<element>` of that name in the code. */
  readonly inputs: I;
  /** Output buffers; each is a read-write `array<element>`. */
  readonly outputs: O;
  /** Scalars, read in the code as `u.name`. */
  readonly uniforms?: U;
  readonly extensions?: readonly Extension[];
  /** Left out of the launch record: a repair of tfjs or a conversion, not a fused form of something. */
  readonly internal?: boolean;
  /** WGSL with one entry point `main`, without the declarations of the buffers and uniforms above. */
  readonly code: string;
}

export interface Kernel<
  I extends Buffers = Buffers,
  O extends Buffers = Buffers,
  U extends Uniforms = Uniforms,
> extends KernelDefinition<I, O, U> {
  /** The declarations written from the definition; `header + code` is the module. */
  readonly header: string;
}

/** Describes a kernel. Make it once (a module constant, or a `Map` by head dimension): its pipeline is cached. */
export function defineKernel<const I extends Buffers, const O extends Buffers, const U extends Uniforms>(
  definition: KernelDefinition<I, O, U>,
): Kernel<I, O, U> {
  const lines = (definition.extensions ?? []).map((extension) => `enable ${extension};`);
  const uniforms = Object.entries<UniformType>(definition.uniforms ?? {});
  let binding = 0;
  for (const [name, element] of Object.entries<ElementType>(definition.inputs)) {
    lines.push(`@group(0) @binding(${binding++}) var<storage, read> ${name}: array<${element}>;`);
  }
  for (const [name, element] of Object.entries<ElementType>(definition.outputs)) {
    lines.push(`@group(0) @binding(${binding++}) var<storage, read_write> ${name}: array<${element}>;`);
  }
  if (uniforms.length > 0) {
    lines.push(`struct Uniforms { ${uniforms.map(([name, type]) => `${name}: ${type}`).join(', ')} }`);
    lines.push(`@group(0) @binding(${binding}) var<uniform> u: Uniforms;`);
  }
  return { ...definition, header: `${lines.join('\n')}\n` };
}
