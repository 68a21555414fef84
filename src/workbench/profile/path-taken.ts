/** Which path a computation took: the fused kernels launched while it ran, or 'composed' when there was none. */
import { launchedKernels } from '../../compute/launch.js';

/** Starts watching; the function returned tells the path taken since then. Other records are left alone. */
export function watchPath(): () => string {
  const record = launchedKernels();
  const before = new Map(record.list().map((name) => [name, record.count(name)]));
  return () => {
    const fused = record.list().filter((name) => record.count(name) > (before.get(name) ?? 0));
    return fused.length > 0 ? `fused: ${fused.join(', ')}` : 'composed';
  };
}
