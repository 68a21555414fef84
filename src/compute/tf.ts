/**
 * The one place that imports tfjs. `import * as tf from '@tensorflow/tfjs'` in a cell gives this very module
 * object, so tensors, the engine and its kernel registry are shared by notebooks, library and kernels.
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
interface FirstUseNotice {
  firstUse: boolean;
}
(tf.findBackend('cpu') as unknown as FirstUseNotice).firstUse = false;

export { tf };
