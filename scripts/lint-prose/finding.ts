/** What the lint of prose says of a place in a cell. */
export const ruleTexts = {
  term: 'A term that has another name in this book',
  'slanted-emphasis': 'Chinese emphasis that is slanted',
  'space-in-quotes': 'A blank inside Chinese quotation marks',
  'punctuation-alone': 'A punctuation mark that begins a line',
  'typed-number': 'A measured number typed into prose',
  'numbers-differ': 'Numbers that only one language has',
  'citations-differ': 'Citations that only one language has',
  'ledger-id': 'An internal id that readers see',
} as const;

export type RuleName = keyof typeof ruleTexts;

export interface ProseFinding {
  rule: RuleName;
  message: string;
  /** Characters of the cell's source. */
  start: number;
  length: number;
}
