/**
 * What the engine was asked to do: every kernel in order with its attributes and the shapes and formats of its inputs.
 * Two ways with the same trace are the same work, whatever they are called: a fused path where no fused kernel is, and
 * its composed twin. To time one against the other would show noise as a result.
 */
import { tf } from '../../compute/tf.js';

type RunKernel = ReturnType<typeof tf.engine>['runKernel'];

/** Runs the work once; undefined where it asked for no kernel, so that nothing is known of it. */
export async function traceOf(work: () => unknown): Promise<string | undefined> {
  const engine = tf.engine() as { runKernel: RunKernel };
  const original = engine.runKernel;
  const own = Object.hasOwn(engine, 'runKernel');
  const lines: string[] = [];
  engine.runKernel = function traced(this: unknown, ...[name, inputs, attrs]: Parameters<RunKernel>) {
    lines.push(JSON.stringify([name, Object.entries(inputs).map(describe), attrs]));
    return original.call(this as never, name, inputs, attrs);
  } as RunKernel;
  try {
    await work();
  } finally {
    if (own) engine.runKernel = original;
    else Reflect.deleteProperty(engine, 'runKernel');
  }
  return lines.length > 0 ? lines.join('\n') : undefined;
}

/** The input's name, its shape and its number format; a list of tensors as several. */
function describe([key, input]: [string, unknown]): unknown {
  const list = Array.isArray(input) ? input : [input];
  return [key, ...list.map((one) => (one instanceof tf.Tensor ? [one.shape, one.dtype] : null))];
}
