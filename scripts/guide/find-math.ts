/**
 * Where the formulas of a Markdown text are, found before Markdown is: what stands in a formula is TeX's alone, be it a
 * bar in a table, a line of `=`, or an underscore. The rule is JupyterLab's (`removeMath` of @jupyterlab/rendermime):
 * `$…$`, `$$…$$`, `\\(…\\)`, `\\[…\\]` and environments, over line ends but not over a blank line, closed outside braces,
 * never in code. In two cases we read what was meant instead: the dollars of `$5 and $10`, and a formula in a quotation.
 */

export interface Formula {
  /** What stands between the delimiters; with them where they are an environment or a reference. */
  tex: string;
  display: boolean;
  /** As it was written, with its delimiters. */
  source: string;
}

/** Code, and comments: what is in them is no formula. */
const literal =
  /^[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)?(?<fence>`{3,}|~{3,})[^\n]*\n(?:[\s\S]*?\n)??[ \t>]*\k<fence>[`~]*[ \t]*$|(?<!\\|`)(?<ticks>`+)(?!`)(?:(?!\n[ \t]*\n)[\s\S])+?(?<!`)\k<ticks>(?!`)|<!--[\s\S]*?-->/gm;
const token =
  /\$\$?|\\(?:begin|end)\{[a-z]*\*?\}|\\(?:eq)?ref\{[^{}\n]+\}|\\\\[()[\]]|\\[\\{}$]|[{}]|\n(?:[ \t>]*\n)+/gi;
/** A block element ends a formula as a blank line does: no browser joins the text across it. */
const block = /<\/?(?:div|p|details|summary|table|t[rhd]|li|[uo]l|h[1-6]|section|blockquote|pre)\b/i;

/** Replaces every formula of a text by what `keep` gives for it. */
export function replaceMath(text: string, keep: (formula: Formula) => string): string {
  const lines = text.replaceAll(/\r\n?/g, '\n');
  let result = '';
  let from = 0;
  for (const match of lines.matchAll(literal)) {
    result += replaceInText(lines.slice(from, match.index), keep) + match[0];
    from = match.index + match[0].length;
  }
  return result + replaceInText(lines.slice(from), keep);
}

function replaceInText(text: string, keep: (formula: Formula) => string): string {
  let result = '';
  let from = 0;
  for (let next = nextFormula(text, 0); next; next = nextFormula(text, from)) {
    result += text.slice(from, next.start) + keep(next.formula);
    from = next.end;
  }
  return result + text.slice(from);
}

interface Found {
  start: number;
  end: number;
  formula: Formula;
}

function nextFormula(text: string, from: number): Found | undefined {
  token.lastIndex = from;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const at = match.index;
    const open = match[0];
    if (/^\\(?:eq)?ref/.test(open)) {
      return { start: at, end: at + open.length, formula: { tex: open, display: false, source: open } };
    }
    const close = closerOf(open);
    const end = close === undefined ? undefined : closingAt(text, at + open.length, open, close);
    if (close !== undefined && end !== undefined) {
      const source = text.slice(at, end);
      const environment = open.startsWith('\\begin');
      const inner = environment ? source : source.slice(open.length, -close.length);
      const tex = withoutQuoteMarks(inner, text, at);
      if (tex.trim() !== '' && !block.test(inner)) {
        const display = environment || open === '$$' || open === '\\\\[';
        return { start: at, end, formula: { tex, display, source } };
      }
    }
    token.lastIndex = at + open.length;
  }
  return undefined;
}

function closerOf(open: string): string | undefined {
  if (open === '$' || open === '$$') return open;
  if (open === '\\\\(') return '\\\\)';
  if (open === '\\\\[') return '\\\\]';
  return open.startsWith('\\begin') ? `\\end${open.slice('\\begin'.length)}` : undefined;
}

/** The end of the formula that opens before `from`: its closer outside braces, or the last one inside them. */
function closingAt(text: string, from: number, open: string, close: string): number | undefined {
  const inside = new RegExp(token);
  inside.lastIndex = from;
  let depth = 0;
  let last: number | undefined;
  for (let match = inside.exec(text); match; match = inside.exec(text)) {
    const [found] = match;
    const end = match.index + found.length;
    if (found.startsWith('\n')) return last;
    if (found === '{') depth++;
    else if (found === '}') depth = Math.max(0, depth - 1);
    else if (found === close || (open === '$' && found === '$$')) {
      const stop = match.index + close.length;
      if (depth === 0 && open === '$' && found === '$' && opensAnother(text, from, match.index)) return last;
      if (depth === 0) return stop;
      last = end;
    }
  }
  return last;
}

/** `$5 and $10`: a dollar after a blank and before a word opens; it does not close what began without a blank. */
function opensAnother(text: string, from: number, at: number): boolean {
  return !/\s/.test(text[from] ?? ' ') && /\s/.test(text[at - 1] ?? '') && /\w/.test(text[at + 1] ?? '');
}

/** In a quotation each further line of a formula has the marks of the quotation before it. */
function withoutQuoteMarks(tex: string, text: string, at: number): string {
  const line = text.slice(text.lastIndexOf('\n', at - 1) + 1, at);
  const marks = /^[ \t]*((?:>[ \t]?)+)/.exec(line)?.[1]?.match(/>/g)?.length ?? 0;
  return marks === 0 ? tex : tex.replaceAll(new RegExp(`\\n(?:[ \\t]*>){0,${marks}}`, 'g'), '\n');
}
