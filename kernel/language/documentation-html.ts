/** The text of a documentation comment as HTML: paragraphs, code and tags. */
import { escapeHtml } from '../../src/display/html.js';

export function documentationHtml(text: string): string {
  return text
    .split(/^```.*$/m)
    .map((part, index) =>
      index % 2 === 1 ? `<pre><code>${escapeHtml(part.trim())}</code></pre>` : paragraphs(part),
    )
    .join('\n');
}

function paragraphs(text: string): string {
  return text
    .split(/\n{2,}|\n(?=@|\s*[-*] )/)
    .map((part) => part.trim())
    .filter(Boolean)
    .map((part) => `<p>${inline(escapeHtml(part))}</p>`)
    .join('\n');
}

function inline(html: string): string {
  return html
    .replaceAll(/`([^`]+)`/g, '<code>$1</code>')
    .replaceAll(/\*\*([^*]+)\*\*/g, '<b>$1</b>')
    .replace(/^@(param|template|property) ([\w$.]+)/, '<b>@$1</b> <code>$2</code>')
    .replace(/^@(\w+)/, '<b>@$1</b>');
}
