/** Shapes of real tensors as labels: `[B,H,T,D]` above `2×4×8×16`, each axis letter with one extent in a diagram. */

/** A tensor, an NdArray, anything with a shape; or the shape itself. */
export type Shaped = { readonly shape: readonly number[] } | readonly number[];

export interface ShapeLabel {
  /** `[B,H,T,D]`; absent where the axes have no names. */
  axes?: string;
  /** `2×4×8×16`. */
  extents: string;
}

/** Knows the axes of one diagram, so that T is not 8 in one block and 9 in the next. */
export class AxisNames {
  readonly #known = new Map<string, { extent: number; where: string }>();

  constructor(readonly caller: string) {}

  /**
   * @param axes one letter per axis, or a list of names
   * @throws RangeError when the rank differs, or an axis has another extent than before
   */
  label(where: string, value: Shaped, axes?: string | readonly string[]): ShapeLabel {
    const shape = 'shape' in value ? value.shape : value;
    const extents = shape.length === 0 ? 'scalar' : shape.join('×');
    if (axes === undefined) return { extents };
    const names = [...axes];
    if (names.length !== shape.length) {
      throw new RangeError(
        `${this.caller}: ${where} has shape [${shape}], ${shape.length} axes, but ${names.length} names: ${names.join(', ')}`,
      );
    }
    names.forEach((name, i) => {
      const extent = shape[i]!;
      const before = this.#known.get(name);
      if (before && before.extent !== extent) {
        throw new RangeError(
          `${this.caller}: axis ${name} is ${before.extent} in ${before.where} and ${extent} in ${where}; give one of them another letter`,
        );
      }
      this.#known.set(name, { extent, where });
    });
    return { axes: `[${names.join(',')}]`, extents };
  }
}
