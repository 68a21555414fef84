/**
 * TeX as MathJax reads it, written as KaTeX reads it: labels and references become numbers, environments that KaTeX lacks
 * become near ones, and the text of `\text{a_b}` is text.
 */

/** What a `\label` stands for, in the order of the page. */
export class Labels {
  readonly #tags = new Map<string, string>();
  #count = 0;

  /** Numbers the labels of a formula; a formula with a `\tag` of its own keeps that. */
  add(tex: string): void {
    for (const row of tex.split('\\\\')) {
      const own = /\\tag\*?\{([^{}]*)\}/.exec(row)?.[1];
      for (const [, name] of row.matchAll(/\\label\{([^{}]*)\}/g)) {
        if (name !== undefined && !this.#tags.has(name)) this.#tags.set(name, own ?? String(++this.#count));
      }
    }
  }

  get(name: string): string | undefined {
    return this.#tags.get(name);
  }
}

/** Numbered environments show a number only where a label asks for one, as in JupyterLab. */
const environments: Record<string, string> = {
  equation: 'equation*',
  align: 'align*',
  gather: 'gather*',
  alignat: 'alignat*',
  flalign: 'align*',
  'flalign*': 'align*',
  multline: 'gather*',
  'multline*': 'gather*',
  eqnarray: 'align*',
  'eqnarray*': 'align*',
};

/** `missing` hears of references without a label. */
export function forKatex(
  tex: string,
  display: boolean,
  labels: Labels,
  missing: (name: string) => void,
): string {
  const refer = (name: string, put: (tag: string) => string) => {
    const tag = labels.get(name);
    if (tag === undefined) missing(name);
    return put(tag ?? '??');
  };
  return textIsText(tex)
    .replaceAll(/\\begin\{eqnarray\*?\}[\s\S]*?\\end\{eqnarray\*?\}/g, (rows) =>
      // Three columns: the relation stands between two "&".
      rows.replaceAll(/&([^&\\]*)&/g, '&$1'),
    )
    .replaceAll(/\\(begin|end)\{([a-z]+\*?)\}/g, (whole, which: string, name: string) =>
      environments[name] ? `\\${which}{${environments[name]}}` : whole,
    )
    .replaceAll(/\\eqref\{([^{}]*)\}/g, (_, name: string) => refer(name, (tag) => `\\text{(${tag})}`))
    .replaceAll(/\\ref\{([^{}]*)\}/g, (_, name: string) => refer(name, (tag) => `\\text{${tag}}`))
    .split('\\\\')
    .map((row) => tagged(row, display, labels))
    .join('\\\\');
}

function tagged(row: string, display: boolean, labels: Labels): string {
  const hasTag = /\\tag\*?\{/.test(row) || !display;
  return row.replaceAll(/\\label\{([^{}]*)\}/g, (_, name: string) =>
    hasTag ? '' : `\\tag{${labels.get(name) ?? '??'}}`,
  );
}

const textCommand = /\\(?:text(?:normal|rm|sf|tt|bf|it|up|md)?|mbox)\s*\{/g;

/** In the argument of `\text` MathJax takes `_ ^ # & %` as they are; TeX wants a backslash before them. */
function textIsText(tex: string): string {
  let result = '';
  let from = 0;
  textCommand.lastIndex = 0;
  for (let match = textCommand.exec(tex); match; match = textCommand.exec(tex)) {
    const start = match.index + match[0].length;
    const end = closingBrace(tex, start);
    const words = tex
      .slice(start, end)
      .split(/(\$[^$]*\$)/)
      .map((part) => (part.startsWith('$') ? part : escapeText(part)));
    result += tex.slice(from, start) + words.join('');
    from = end;
    textCommand.lastIndex = end;
  }
  return result + tex.slice(from);
}

const inText: Record<string, string> = { '^': '\\textasciicircum{}' };

function escapeText(text: string): string {
  return text.replaceAll(/\\[\s\S]|[_^#&%]/g, (found) =>
    found.startsWith('\\') ? found : (inText[found] ?? `\\${found}`),
  );
}

/** Of the brace that opened before `from`; the end of the text where none does. */
function closingBrace(tex: string, from: number): number {
  let depth = 1;
  for (let at = from; at < tex.length; at++) {
    if (tex[at] === '\\') at++;
    else if (tex[at] === '{') depth++;
    else if (tex[at] === '}' && --depth === 0) return at;
  }
  return tex.length;
}
