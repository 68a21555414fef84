/**
 * The Jupyter notebook format, version 4.5, as TypeScript types.
 * In memory, text is always one string (files may hold a list of lines) and every cell has an id.
 * Reference: the JSON schema of nbformat 4.5.
 */
import type { MimeBundle } from '../../src/display/display.js';

export interface KernelSpecMetadata {
  name: string;
  display_name: string;
  language?: string;
  [key: string]: unknown;
}

export interface LanguageInfo {
  name: string;
  codemirror_mode?: string | Record<string, unknown>;
  file_extension?: string;
  mimetype?: string;
  pygments_lexer?: string;
  [key: string]: unknown;
}

export interface NotebookMetadata {
  kernelspec?: KernelSpecMetadata;
  language_info?: LanguageInfo;
  title?: string;
  [key: string]: unknown;
}

export interface CellMetadata {
  tags?: string[];
  [key: string]: unknown;
}

interface CellBase {
  id: string;
  metadata: CellMetadata;
  source: string;
}

export interface CodeCell extends CellBase {
  cell_type: 'code';
  execution_count: number | null;
  outputs: Output[];
}

export interface MarkdownCell extends CellBase {
  cell_type: 'markdown';
  attachments?: Record<string, MimeBundle>;
}

export interface RawCell extends CellBase {
  cell_type: 'raw';
  attachments?: Record<string, MimeBundle>;
}

export type Cell = CodeCell | MarkdownCell | RawCell;

export interface StreamOutput {
  output_type: 'stream';
  name: string;
  text: string;
}

export interface DisplayOutput {
  output_type: 'display_data';
  data: MimeBundle;
  metadata: Record<string, unknown>;
}

export interface ResultOutput {
  output_type: 'execute_result';
  data: MimeBundle;
  metadata: Record<string, unknown>;
  execution_count: number | null;
}

export interface ErrorOutput {
  output_type: 'error';
  ename: string;
  evalue: string;
  traceback: string[];
}

export type Output = StreamOutput | DisplayOutput | ResultOutput | ErrorOutput;

export interface Notebook {
  nbformat: 4;
  nbformat_minor: number;
  metadata: NotebookMetadata;
  cells: Cell[];
}

/** Mime types whose value is any JSON, not text. */
export function isJsonMime(mime: string): boolean {
  return mime === 'application/json' || (mime.startsWith('application/') && mime.endsWith('+json'));
}

export function hasTag(cell: Cell, tag: string): boolean {
  return cell.metadata.tags?.includes(tag) ?? false;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
