/** Makes `console.log(tensor)`, and tensors inside other values, read `Tensor float32 [2, 3]` instead of tfjs's internals. */
import { inspect } from 'node:util';
import { tensorHeader } from './tensor.js';

/** @param namespace a module that was just imported; nothing happens unless it is tfjs, or exports it as `tf` */
export function installTensorInspection(namespace: Record<string, unknown>): void {
  const tf = (namespace.tf ?? namespace) as { Tensor?: { prototype?: { dataSync?: unknown } } };
  const prototype = tf.Tensor?.prototype;
  if (typeof prototype?.dataSync !== 'function' || Object.hasOwn(prototype, inspect.custom)) return;
  Object.defineProperty(prototype, inspect.custom, {
    value(this: Parameters<typeof tensorHeader>[0]) {
      return tensorHeader(this);
    },
    configurable: true,
  });
}
