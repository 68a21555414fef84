/** What an audit knows of a code cell: what it reads and writes, which checks it makes, what it might get wrong. */
import type { CodeCell } from '../../notebook/format.js';
import type { Edit } from '../mutants/edit.js';

/** A call that checks something, as it stands in the source. */
export interface CheckCall {
  /** `verify`, `refute`, `verifyEqual`, `verifyRelation`, `expectThrows`, or `assert` for those of Node and Python. */
  kind: string;
  /** The label, where it is plain text. */
  name: string | undefined;
  start: number;
  end: number;
  args: Argument[];
}

/** One argument: its place, its text, and the text that equal computations share (`sameText`). */
export interface Argument {
  start: number;
  end: number;
  text: string;
  same: string;
  /** The same without what chooses a path (`path: 'fused'`). */
  samePath: string;
  /** The decimal constants in it, as typed. */
  constants: { text: string; start: number }[];
}

/** What `profile` is told to time: the subject and the ways it is compared with, by the names they are shown under. */
export interface ProfileCall {
  start: number;
  end: number;
  ways: { name: string | undefined; samePath: string }[];
}

export type MutationKind =
  | 'sign'
  | 'scale'
  | 'epsilon'
  | 'index'
  | 'mask side'
  | 'transposition'
  | 'half precision'
  /** The right value of a `refute` in the place of the wrong one: it must not be refuted too. */
  | 'right for wrong';

export interface Mutation extends Edit {
  kind: MutationKind;
  /** What is changed, and into what, as a reader would say it. */
  description: string;
}

export interface CellAnalysis {
  /** Names of other cells. `worldName` stands for what is set for the whole process. */
  reads: ReadonlySet<string>;
  /** Names it declares, assigns, or changes in place. */
  writes: ReadonlySet<string>;
  checks: readonly CheckCall[];
  profiles: readonly ProfileCall[];
  mutations: readonly Mutation[];
  /** Messages of the errors that it throws, as typed. */
  thrown: readonly string[];
  /** Why nothing is known of it. */
  fault?: string;
}

/** What a bare call of an imported function changes: the backend, a global setting. */
export const worldName = '#world';

export interface AuditedCell {
  /** Among all cells of the notebook, from 1. */
  number: number;
  id: string;
  cell: CodeCell;
  analysis: CellAnalysis;
}

export const nothingKnown: CellAnalysis = {
  reads: new Set(),
  writes: new Set(),
  checks: [],
  profiles: [],
  mutations: [],
  thrown: [],
};
