/** What the search of the index sees of a page: its words, by section and by language. */
import type { Words } from './language.js';

const entities: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#39': "'", nbsp: ' ', amp: '&' };
const parts = /<(\/?)(\w+)([^>]*?)(\/?)>|([^<]+)/g;
const voids = new Set(['br', 'wbr', 'hr', 'img', 'col', 'input']);

/** The text before the first heading, then that below each heading. */
export function sectionTexts(html: string): Words[] {
  const texts: Words[] = [{ en: '', zh: '' }];
  const languages: (string | undefined)[] = [];
  let heading = false;
  for (const [, close, name = '', attributes = '', self, text] of html.matchAll(parts)) {
    if (text !== undefined) {
      if (!heading)
        append(
          texts.at(-1)!,
          decoded(text),
          languages.findLast((one) => one !== undefined),
        );
      continue;
    }
    if (/^h[1-6]$/.test(name)) {
      heading = !close;
      if (close) texts.push({ en: '', zh: '' });
    }
    if (!/^(?:span|a|b|strong|i|em|code|sub|sup|mark|small)$/.test(name))
      append(texts.at(-1)!, ' ', undefined);
    if (close) languages.pop();
    else if (!self && !voids.has(name)) languages.push(/\blang="(en|zh)"/.exec(attributes)?.[1]);
  }
  return texts.map(({ en, zh }) => ({ en: tidy(en), zh: tidy(zh) }));
}

function append(words: Words, text: string, language: string | undefined): void {
  if (language !== 'zh') words.en += text;
  if (language !== 'en') words.zh += text;
}

const tidy = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();
const decoded = (text: string): string =>
  text.replaceAll(/&([#\w]+);/g, (whole, name: string) => entities[name] ?? whole);
