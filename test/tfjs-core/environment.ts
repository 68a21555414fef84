/**
 * What tfjs-core's tests find when they are loaded: Jasmine's functions as globals, and one environment to run in, our
 * webgpu backend. They reset tfjs between their suites, which makes the backend anew; its pipelines are handed on, since
 * compiling them again would take most of the time.
 */
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js';
// @ts-expect-error Jasmine's core comes without types.
import jasmineRequire from 'jasmine-core';
import { useBackend } from '../../src/compute/backend.js';
import { tf } from '../../src/compute/tf.js';
import type { JasmineEnvironment } from './jasmine.js';

const { jasmine, ...functions } = jasmineRequire.noGlobals();
Object.assign(globalThis, functions, { jasmine });
// No verdict depends on how busy the machine is.
jasmine.DEFAULT_TIMEOUT_INTERVAL = 2 ** 31 - 1;

export const environment: JasmineEnvironment = jasmine.getEnv();
environment.configure({ random: false, forbidDuplicateNames: false });

await useBackend('webgpu');
const registered = tf.engine().registryFactory.webgpu!;
const { factory } = registered;
let pipelines: unknown;
registered.factory = () => {
  const backend = factory() as unknown as { pipelineCache: unknown };
  pipelines ??= backend.pipelineCache;
  return Object.assign(backend, { pipelineCache: pipelines }) as never;
};
setTestEnvs([
  // A reset also forgets that small tensors are to be computed on the GPU.
  { name: 'webgpu', backendName: 'webgpu', flags: { WEBGPU_CPU_FORWARD: false }, isDataSync: false },
]);
