/**
 * What the kernel's process was seen to ask of the world outside the notebook, one JSON line each in a file that
 * `kernelbook run` names: by that it knows what a result depends on, whoever read it, a cell or a package.
 */
/** Names the file, in the environment of the kernel's process. */
export const observedVariable = 'KERNELBOOK_OBSERVED';

/** The first line: the kernel observes. */
export const observedHeader = JSON.stringify({ format: 'kernelbook observed 1' });

/**
 * `content` of a file, `kind` of what is at a path, `state` (kind, size and time), `names` in a folder or `all names` below
 * it, `target` of a link, `variable` of the environment, `variables` that there are. The last one says that something was
 * done whose answers cannot be known again.
 */
export type Observation =
  | [kind: 'content', path: string, stamp: string | undefined]
  | [kind: 'kind' | 'state' | 'names' | 'all names' | 'target', path: string]
  | [kind: 'variable', name: string, value: string]
  | [kind: 'variables', names: string]
  | [kind: 'beyond', what: string];

/** Of variables, those that say how a run is watched and are not the same in two runs. */
export function isOwnVariable(name: string): boolean {
  return name.startsWith('KERNELBOOK_') || name === 'JPY_PARENT_PID';
}
