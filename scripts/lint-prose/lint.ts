/** Lints the prose of a notebook, without running it. */
import type { CheckedNotebook, Finding } from '../check/finding.js';
import type { Cell, MarkdownCell, Notebook } from '../notebook/format.js';
import { type Block, blocksOf, hasHan, withoutCode, wordsOf } from './blocks.js';
import type { ProseFinding } from './finding.js';
import { ledgerFindings } from './rules/ledger.js';
import { typedNumbers } from './rules/numbers.js';
import { pairFindings } from './rules/pairs.js';
import { termFindings } from './rules/terms.js';
import { punctuationAlone, slantedEmphasis, spacesInQuotes } from './rules/typography.js';

/** In the order of the cells. */
export function lintNotebook(name: string, path: string, notebook: Notebook): CheckedNotebook {
  const findings = notebook.cells.flatMap((cell, index) =>
    cellFindings(notebook.cells, index).map((one) => located(name, cell, index + 1, one)),
  );
  return { name, path, notebook, findings, files: [] };
}

function cellFindings(cells: readonly Cell[], index: number): ProseFinding[] {
  const cell = cells[index]!;
  if (cell.cell_type === 'code') return hasHan(cell.source) ? termFindings(chineseTexts(cell.source)) : [];
  if (cell.cell_type !== 'markdown') return [];
  const blocks = blocksOf(cell.source);
  const own = withoutCode(cell.source);
  const findings = [
    ...termFindings(own),
    ...slantedEmphasis(own),
    ...spacesInQuotes(own),
    ...punctuationAlone(own),
    ...typedNumbers(wordsOf(cell.source)),
    ...ledgerFindings(wordsOf(cell.source)),
    ...pairsOf(blocks).flatMap(([one, other]) => pairFindings(one, other).map(inCell)),
    ...acrossCells(cells, index),
  ];
  return findings.sort((a, b) => a.start - b.start);
}

const inCell = ({ block, finding }: { block: Block; finding: ProseFinding }): ProseFinding => ({
  ...finding,
  start: finding.start + block.start,
});

/** Blocks of the two languages that follow each other. */
function pairsOf(blocks: readonly Block[]): [Block, Block][] {
  return blocks.flatMap((block, n): [Block, Block][] => {
    const next = blocks[n + 1];
    return block.language === 'en' && next?.language === 'zh' ? [[block, next]] : [];
  });
}

/** A cell in English before one in Chinese, both without marks, is a pair too; what is amiss is told at its second cell. */
function acrossCells(cells: readonly Cell[], index: number): ProseFinding[] {
  const [before, cell] = [cells[index - 1], cells[index]!];
  if (!before || !isWhole(before) || !isWhole(cell) || hasHan(before.source) || !hasHan(cell.source))
    return [];
  const [one, other] = [blocksOf(before.source)[0]!, blocksOf(cell.source)[0]!];
  return pairFindings(one, other).map(({ block, finding }) =>
    block === other ? finding : { ...finding, start: 0, length: 1 },
  );
}

function isWhole(cell: Cell): cell is MarkdownCell {
  return cell.cell_type === 'markdown' && !cell.source.includes('<div lang=');
}

/** Of code, the texts in quotation marks that hold Chinese: labels, titles, names of checks. */
function chineseTexts(source: string): string {
  const kept = new Array<string>(source.length).fill(' ');
  for (const { 0: found, index } of source.matchAll(
    /(['"`])(?:\\.|(?!\1)[^\\])*\1|\/\/.*|#.*|\/\*[\s\S]*?\*\//g,
  ))
    if (hasHan(found)) for (let n = 0; n < found.length; n++) kept[index + n] = found[n]!;
  return kept.map((one, n) => (source[n] === '\n' ? '\n' : one)).join('');
}

function located(name: string, cell: Cell, number: number, one: ProseFinding): Finding {
  const before = cell.source.slice(0, one.start).split('\n');
  const place = { line: before.length, column: before.at(-1)!.length + 1 };
  return {
    severity: 'warning',
    code: one.rule,
    message: one.message,
    cell: { number, id: cell.id },
    start: one.start,
    length: one.length,
    ...place,
    pretty: `${name} cell ${number} "${cell.id}" line ${place.line}: ${one.rule}: ${one.message}`,
  };
}
