/**
 * `name?` and `name??` as a whole cell ask for help on a name, as in IPython (`?name` does too). No TypeScript cell is
 * of that form, so none is taken away.
 */

const word = String.raw`[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*`;
const name = String.raw`${word}(?:\.#?${word})*`;
const asked = new RegExp(
  String.raw`^(?:(?<before>\?\??)\s*(?<second>${name})|(?<first>${name})\s*(?<after>\?\??))$`,
  'u',
);

export interface PagerQuery {
  /** A name, or a path of properties. */
  name: string;
  /** As in inspect_request: 1, asked by two question marks, adds where it is declared and its source. */
  detail: 0 | 1;
}

/** What a cell asks the pager for; undefined for a cell that is code. */
export function pagerQuery(code: string): PagerQuery | undefined {
  const found = asked.exec(code.trim())?.groups;
  if (!found) return undefined;
  const marks = found.before ?? found.after;
  return { name: (found.first ?? found.second)!, detail: marks === '??' ? 1 : 0 };
}
