/** Prose that claims something before cells without any check, and cells that no check depends on. */
import { verifyMimeType } from '../../../src/workbench/verify/bundle.js';
import type { Cell } from '../../notebook/format.js';
import { cellRecords } from '../../notebook/verifications.js';
import type { AuditedCell } from '../cells/cell.js';
import { checkedFrom, Dependencies } from '../cells/dependencies.js';
import { type AuditFinding, firstLine, placeOf, type Rule } from './rule.js';

const english =
  /\b(?:always|never|exactly|cannot|identical|equals?|at (?:most|least)|twice|halves|doubles|faster|slower|cheaper|smaller|larger|fewer|worse|better|no longer|vanish\w*|explodes?|grows?|shrinks?|falls?)\b/i;
const chinese =
  /总是|绝不|从不|恰好|必然|不可能|相等|完全相同|更快|更慢|更小|更大|更好|更差|至多|至少|减半|加倍|消失|爆炸/;

/** A block of prose answers for the code cells up to the next block. */
export const uncheckedClaims: Rule = ({ notebook, cells }) => {
  const analysed = new Map(cells.map((cell) => [cell.id, cell]));
  return notebook.cells.flatMap((cell, index): AuditFinding[] => {
    if (cell.cell_type !== 'markdown') return [];
    const group = codeAfter(notebook.cells, index);
    if (group.some((one) => makesChecks(one, analysed))) return [];
    const claims = claimsIn(cell.source);
    const [first] = claims;
    if (!first) return [];
    const where = group.length === 0 ? 'no cell computes it' : 'the cells after it check nothing';
    const more = claims.length > 1 ? ` (and ${claims.length - 1} more)` : '';
    return [
      {
        rule: 'unchecked-claim',
        message: `"${first.text}"${more}: ${where}`,
        cell: placeOf({ number: index + 1, id: cell.id }),
        start: first.start,
        end: first.start + first.text.length,
      },
    ];
  });
};

/** Code after a block; through further blocks where nothing stands between them, as question and answer do. */
function codeAfter(cells: readonly Cell[], index: number): Cell[] {
  const start = cells.findIndex((cell, n) => n > index && cell.cell_type === 'code');
  if (start < 0) return [];
  const end = cells.findIndex((cell, n) => n > start && cell.cell_type !== 'code');
  return cells.slice(start, end < 0 ? undefined : end);
}

function makesChecks(cell: Cell, analysed: ReadonlyMap<string, AuditedCell>): boolean {
  if (cellRecords(cell, verifyMimeType).length > 0) return true;
  return (analysed.get(cell.id)?.analysis.checks.length ?? 0) > 0;
}

/** Sentences that claim, of the English text where there is one; questions, headings and code are none. */
function claimsIn(source: string): { text: string; start: number }[] {
  const isBilingual = /<div lang="en">/.test(source);
  const prose = blanked(source, /<details>[\s\S]*?<\/details>|```[\s\S]*?```|^#.*$|\$\$[\s\S]*?\$\$/gm);
  const own = isBilingual ? blanked(prose, /<div lang="zh">[\s\S]*?<\/div>/g) : prose;
  const sentences = [...own.matchAll(/[^\n.。？！?!]+(?:\.(?=\d)[^\n.。？！?!]+)*[.。？！?!]?/g)];
  return sentences.flatMap(({ 0: sentence, index }) => {
    const text = sentence.trim();
    const isClaim = english.test(text) || chinese.test(text);
    if (!isClaim || /[?？]$/.test(text)) return [];
    return [{ text, start: index + sentence.indexOf(text) }];
  });
}

/** The text with what matches replaced by blanks, line ends kept: places stay what they are. */
function blanked(text: string, pattern: RegExp): string {
  return text.replaceAll(pattern, (found) => found.replaceAll(/[^\n]/g, ' '));
}

export const uncheckedCells: Rule = ({ cells }) => {
  const dependencies = new Dependencies(cells);
  const checked = checkedFrom(cells, dependencies);
  return cells.flatMap((cell, n): AuditFinding[] => {
    const { mutations } = cell.analysis;
    if (checked.has(n) || mutations.length === 0 || isParameters(cell)) return [];
    return [
      {
        rule: 'unchecked-cell',
        message: 'no check depends on what this cell computes',
        cell: placeOf(cell),
        ...firstLine(cell.cell.source),
      },
    ];
  });
};

export function isParameters({ cell }: AuditedCell): boolean {
  return (cell.metadata.tags ?? []).some((tag) => tag === 'parameters' || tag === 'injected-parameters');
}
