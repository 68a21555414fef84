/** The English and the Chinese block of one thing must give the same numbers and the same citations. */
import { type Block, withoutCode, wordsOf } from '../blocks.js';
import type { ProseFinding } from '../finding.js';
import { citationsIn, missingNumbers } from './numbers.js';

/** The finding stands at the block that lacks something, in its first line. */
export function pairFindings(one: Block, other: Block): { block: Block; finding: ProseFinding }[] {
  return [
    [one, other],
    [other, one],
  ].flatMap(([from, to]) => {
    const numbers = missingNumbers(wordsOf(from!.text), wordsOf(to!.text));
    const there = citationsIn(withoutCode(to!.text));
    const citations = [...citationsIn(withoutCode(from!.text))].filter((cited) => !there.has(cited));
    const name = { en: 'the English', zh: 'the Chinese' };
    const lacks = (rule: 'numbers-differ' | 'citations-differ', what: readonly (string | number)[]) =>
      what.length === 0
        ? []
        : [
            {
              block: to!,
              finding: {
                rule,
                message: `${name[from!.language]} has ${what.join(', ')}; ${name[to!.language]} has not`,
                ...firstLine(to!.text),
              },
            },
          ];
    return [...lacks('numbers-differ', numbers), ...lacks('citations-differ', citations)];
  });
}

function firstLine(text: string): { start: number; length: number } {
  const [line = ''] = /\S.*/.exec(text) ?? [];
  return { start: Math.max(0, text.indexOf(line)), length: line.length };
}
