/**
 * The one place that imports tfjs. `import * as tf from '@tensorflow/tfjs'` in a cell gives what this very module
 * exports, so tensors, the engine and its kernel registry are shared by notebooks, library and kernels. It is required:
 * before an `import` of CommonJS, Node reads its megabytes for names to export, which takes longer than to run them.
 */
import tf = require('@tensorflow/tfjs');

/** The only version whose private members the GPU launcher and the repairs were written against. */
const supported = '4.22.0';
if (tf.version_core !== supported) {
  throw new Error(
    `kernelbook: needs @tensorflow/tfjs ${supported}, found ${tf.version_core}; install the exact version with \`npm ci\``,
  );
}

/** tfjs's cpu backend advertises its Node package on the first tensor; a notebook has no use for that text. */
const cpu = tf.engine().registryFactory.cpu!;
const { factory } = cpu;
cpu.factory = () => Object.assign(factory(), { firstUse: false });

export { tf };
