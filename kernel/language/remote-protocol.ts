/** What travels between `RemoteEngine` and `engine-process`: one JSON object a line, answers in the order of requests. */
import type { LanguageEngine } from './engine.js';

export type EngineMethod = keyof LanguageEngine;

export interface EngineRequest {
  id: number;
  method: EngineMethod;
  args: unknown[];
  /** Tokens to commit first: a message less to send, to wake up for and to answer. */
  commits: number[];
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
