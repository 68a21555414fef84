/**
 * The frame of every guide page: head with a Content-Security-Policy, bar with the language and theme choices, main
 * part, footer. Our inline scripts are allowed by their hashes; nothing else may run, and nothing may be fetched.
 */
import { createHash } from 'node:crypto';
import { escapeHtml } from '../../src/display/html.js';
import { pageScript } from './client.js';
import { inBoth, type Words, wordsInBoth } from './language.js';

export interface PageParts {
  title: Words;
  /** Shown in the bar, beside the name of the collection. */
  where: Words;
  /** HTML of the table of contents, if there is one. */
  contents?: string;
  main: string;
  footer: string;
  /** Run at the end of the page; given as functions without arguments. */
  scripts: (() => void)[];
  /** Data blocks for the scripts, by element id. */
  data?: Record<string, unknown>;
  /** The page has figures that Plotly can draw. */
  interactive: boolean;
}

export function renderPage(parts: PageParts): string {
  const head = script(pageScript);
  const tail = parts.scripts.map(script);
  const plotly = parts.interactive ? '<script src="assets/plotly.min.js"></script>\n' : '';
  const title = parts.title.en === parts.title.zh ? parts.title.en : `${parts.title.en} / ${parts.title.zh}`;
  const data = Object.entries(parts.data ?? {}).map(
    ([id, value]) =>
      `<script type="application/json" id="${id}">${JSON.stringify(value).replaceAll('<', '\\u003c')}</script>\n`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy([head, ...tail], parts.interactive)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title data-en="${escapeHtml(parts.title.en)}" data-zh="${escapeHtml(parts.title.zh)}">${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="assets/katex.css">
<link rel="stylesheet" href="assets/guide.css">
<script>${head}</script>
</head>
<body>
<a class="skip" href="#kb-main">${inBoth('Skip to the text', '跳到正文')}</a>
<header class="bar">
<a class="home" href="index.html">kernelbook</a>
<span class="where">${wordsInBoth(parts.where)}</span>
<div class="controls">
${buttons('show', named('Language', '语言'), { en: 'EN', zh: '中文', both: 'EN + 中文' })}
${buttons('theme', named('Colours', '配色'), { light: '☀', auto: 'auto', dark: '☾' })}
</div>
</header>
<div class="layout${parts.contents ? ' with-contents' : ''}">
${parts.contents ?? ''}
<main id="kb-main">
${parts.main}
</main>
</div>
<footer>${parts.footer}</footer>
${data.join('')}${plotly}${tail.map((code) => `<script>${code}</script>`).join('\n')}
</body>
</html>
`;
}

function script(body: () => void): string {
  return `(${body.toString().replaceAll('</', '<\\/')})();`;
}

/**
 * `'self'` and `file:` both stand for the page's own folder: browsers differ on whether a page opened from a file has
 * an origin to be "self".
 */
function policy(scripts: string[], interactive: boolean): string {
  const hashes = scripts.map((code) => `'sha256-${createHash('sha256').update(code).digest('base64')}'`);
  return [
    "default-src 'none'",
    `script-src ${[...(interactive ? ["'self'", 'file:'] : []), ...hashes].join(' ')}`,
    "style-src 'self' file: 'unsafe-inline'",
    'img-src data:',
    'font-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

function buttons(kind: string, name: string, choices: Record<string, string>): string {
  const names: Record<string, string> = {
    light: named('light colours', '浅色', true),
    auto: named('colours of the system', '跟随系统', true),
    dark: named('dark colours', '深色', true),
  };
  const list = Object.entries(choices).map(([value, text]) => {
    const own = names[value] ? ` ${names[value]}` : '';
    return `<button type="button" data-set-${kind}="${value}" aria-pressed="false"${own}>${text}</button>`;
  });
  return `<div class="group" role="group" ${name}>${list.join('')}</div>`;
}

/** The name of a part of the page for those who do not see it; the page's script gives it in the language chosen. */
export function named(en: string, zh: string, title = false): string {
  const both = `${en} / ${zh}`;
  return `aria-label="${both}"${title ? ` title="${both}"` : ''} data-en="${en}" data-zh="${zh}"`;
}
