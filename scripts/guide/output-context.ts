/** What the outputs of a cell are rendered with. */
import type { Highlighter } from './highlight.js';
import type { MarkdownRenderer } from './markdown.js';
import type { Picture } from './pictures.js';
import type { ProblemList } from './problems.js';

export interface OutputContext {
  highlighter: Highlighter;
  markdown: MarkdownRenderer;
  problems: ProblemList;
  /** The picture that an output names, of a file beside the notebook. */
  picture: (source: string) => Picture;
  /** Makes ids unique in the page. */
  idPrefix: string;
}
