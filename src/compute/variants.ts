/** Kernels that exist in several variants: each is described once, when it is first wanted. */

/** `make`, called once per variant; a variant is a flat record. */
export function remember<V extends object, K>(make: (variant: V) => K): (variant: V) => K {
  const made = new Map<string, K>();
  return (variant) => {
    const key = Object.values(variant).join(' ');
    const kernel = made.get(key) ?? make(variant);
    made.set(key, kernel);
    return kernel;
  };
}
