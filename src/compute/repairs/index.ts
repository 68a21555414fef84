/**
 * Repairs of tfjs 4.22 from outside: the release is frozen, so what is wrong in it is replaced through its
 * public kernel and gradient registries. One file per fault; each has a test that fails without it.
 */
import type { BackendName } from '../backend.js';

let core = false;

/** Gradients and dispatch shared by all backends. Idempotent. */
export function repairCore(): void {
  if (core) return;
  core = true;
}

/** Kernels of one backend, right after that backend was registered. Called once per backend. */
export function repairBackend(_name: BackendName): void {}
