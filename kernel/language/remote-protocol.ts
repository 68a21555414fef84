/** What travels between `RemoteEngine` and `engine-process`: one JSON object a line, answers in the order of requests. */
import type { LanguageEngine } from './engine.js';

export type EngineMethod = keyof LanguageEngine;

/** The arguments of `commit`. */
export type Commit = [token: number, undone: readonly string[]];

export interface EngineRequest {
  id: number;
  method: EngineMethod;
  args: unknown[];
  /** To commit first: a message less to send, to wake up for and to answer. */
  commits: Commit[];
}

export type EngineResponse =
  | { ready: true }
  | { id: number; result: unknown }
  | { id: number; error: string };

export const engineMethods: readonly EngineMethod[] = [
  'compile',
  'check',
  'prepare',
  'commit',
  'complete',
  'inspect',
  'isComplete',
  'reset',
];
