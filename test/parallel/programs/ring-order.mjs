/** One rank's sums in the order in which a ring adds: part p of n begins with rank p + 1 and ends with rank p. */

/** The mean over ranks of one flat vector. @param bounds where each part begins, and the end */
export function ringMean(
  vectors,
  bounds,
  add = (a, b) => Math.fround(a + b),
  divide = (a, n) => Math.fround(a / n),
) {
  const n = vectors.length;
  const mean = new Float32Array(vectors[0].length);
  for (let part = 0; part < n; part++)
    for (let i = bounds[part]; i < bounds[part + 1]; i++) {
      let sum = vectors[(part + 1) % n][i];
      for (let step = 2; step <= n; step++) sum = add(sum, vectors[(part + step) % n][i]);
      mean[i] = divide(sum, n);
    }
  return mean;
}

/** A layout's vector of gradients by name. */
export function flatten({ length, pieces }, values) {
  const whole = new Float32Array(length);
  for (const { name, from, at, length: count } of pieces)
    whole.set(values[name].subarray(from, from + count), at);
  return whole;
}

export function unflatten({ pieces }, whole, into) {
  for (const { name, from, at, length } of pieces) into[name].set(whole.subarray(at, at + length), from);
}
