/**
 * The `tensorflow` backend: `@tensorflow/tfjs-node-gpu`, whose native addon calls TensorFlow's C library. The
 * package is optional, because its published addon downloads a TensorFlow of 2022; `kernelbook link-tensorflow`
 * builds the addon against a current one.
 */
import { createRequire } from 'node:module';
import { tf } from './tf.js';

export interface TensorFlowInfo {
  /** TensorFlow's version, e.g. `2.21.0`. */
  readonly version: string;
  /** Whether TensorFlow computes on a CUDA GPU. */
  readonly cuda: boolean;
}

/** The parts of the package that are not in tfjs's types. */
interface NodeBackend {
  isUsingGPUDevice: boolean;
  binding: { TF_Version: string };
}

let loaded: TensorFlowInfo | undefined;

/**
 * Loads the addon, once, which registers tfjs's backend `tensorflow`; the current backend stays current.
 * @throws Error saying why it cannot be loaded and what to do.
 */
export async function loadTensorFlow(): Promise<TensorFlowInfo> {
  if (loaded) return loaded;
  // Read by TensorFlow when its library loads; an explicit choice wins. Without oneDNN's reordering of sums there
  // is no banner about it, results repeat, and the operations used here are no slower.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  process.env.TF_ENABLE_ONEDNN_OPTS ??= '0';
  // The package makes itself current when it loads; without this, listing backends would choose one.
  if (!tf.getBackend()) tf.backend();
  const current = tf.getBackend();
  try {
    createRequire(import.meta.url)('@tensorflow/tfjs-node-gpu');
  } catch (error) {
    throw new Error(reason(error));
  }
  const backend = tf.findBackend('tensorflow') as unknown as NodeBackend | null;
  if (!backend) {
    throw new Error(
      '@tensorflow/tfjs-node-gpu brought its own copy of @tensorflow/tfjs; run `npm ci`, then `kernelbook link-tensorflow`',
    );
  }
  if (current !== 'tensorflow') await tf.setBackend(current);
  loaded = { version: backend.binding.TF_Version, cuda: backend.isUsingGPUDevice };
  return loaded;
}

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  const message = (error instanceof Error ? error.message : String(error)).trim().split('\n')[0];
  if (code === 'MODULE_NOT_FOUND') {
    return '@tensorflow/tfjs-node-gpu is not installed; run `kernelbook link-tensorflow` to build it against a pip TensorFlow';
  }
  return `@tensorflow/tfjs-node-gpu does not load: ${message}; run \`kernelbook link-tensorflow\``;
}
