/**
 * One language at a time in JupyterLab. The notebooks hold English and Chinese side by side: `<div lang="en">` and
 * `<div lang="zh">` in their prose, "English / 中文" in headings, elements with `lang` in outputs. The switch is an output
 * like any other: a style sheet and a script, no extension. Where a notebook is not trusted the script does not run, no
 * button is shown, and the reader sees both languages.
 */
import { display, type MimeBundle } from './display.js';

export const languageMimeType = 'application/vnd.kernelbook.language+json';

/**
 * Shows the buttons EN, 中文 and EN + 中文 as an output of this cell; they choose what the whole notebook shows, and the
 * browser remembers the choice for the next one.
 */
export async function languageSwitch(): Promise<void> {
  await display({ toMimeBundle });
}

function toMimeBundle(): MimeBundle {
  const script = switchScript.toString().replaceAll('</', '<\\/');
  return {
    'text/plain': 'Language: EN, 中文, or both (buttons where the page runs scripts)',
    'text/html': `<div class="kernelbook-language" hidden></div><script>(${script})(document.currentScript)</script>`,
    [languageMimeType]: { languages: ['en', 'zh'] },
  };
}

/** Runs in the page, as text: it may use nothing from outside its own body. */
function switchScript(self: HTMLElement): void {
  const host = self.parentElement?.querySelector<HTMLElement>('.kernelbook-language');
  const root = self.closest<HTMLElement>('.jp-Notebook') ?? document.body;
  if (!host) return;
  const key = 'kernelbook-show';
  const attribute = 'data-kernelbook-show';
  const choices = { en: 'EN', zh: '中文', both: 'EN + 中文' };

  if (!document.getElementById('kernelbook-language')) {
    const style = document.createElement('style');
    style.id = 'kernelbook-language';
    style.textContent = `[${attribute}=en] [lang=zh],[${attribute}=zh] [lang=en],
[${attribute}=en] .kernelbook-both,[${attribute}=zh] .kernelbook-both,
[${attribute}=both] .kernelbook-number{display:none!important}
.kernelbook-language button{border:1px solid currentColor;border-left-width:0;background:none;color:inherit;font:inherit;
font-size:.85em;opacity:.65;padding:.15em .7em;cursor:pointer}
.kernelbook-language button:first-child{border-left-width:1px;border-radius:5px 0 0 5px}
.kernelbook-language button:last-child{border-radius:0 5px 5px 0}
.kernelbook-language button[aria-pressed=true]{opacity:1;font-weight:600;text-decoration:underline;text-underline-offset:.25em}`;
    document.head.append(style);
  }

  const han = /\p{Script=Han}/u;
  const wrapped = (lang: string, nodes: Node[]): HTMLElement => {
    const span = document.createElement('span');
    span.lang = lang;
    span.append(...nodes);
    return span;
  };
  /** "1. English / 中文" becomes an element for each language, the number in both. */
  const divide = (element: Element): void => {
    // The page itself has a language: JupyterLab's own.
    const around = element.closest('[lang]');
    if (element.querySelector('[lang]') || (around && around !== document.documentElement)) return;
    const nodes = [...element.childNodes].filter(
      (node) => !(node instanceof Element && node.classList.contains('jp-InternalAnchorLink')),
    );
    const words = (list: Node[]) => list.map((node) => node.textContent ?? '').join('');
    for (let index = nodes.length - 1; index >= 0; index--) {
      const node = nodes[index];
      if (!(node instanceof Text)) continue;
      for (
        let at = node.data.lastIndexOf(' / ');
        at >= 0;
        at = at === 0 ? -1 : node.data.lastIndexOf(' / ', at - 1)
      ) {
        const [before, after] = [node.data.slice(0, at), node.data.slice(at + 3)];
        const left = words(nodes.slice(0, index)) + before;
        if (han.test(left) || !han.test(after + words(nodes.slice(index + 1)))) continue;
        const anchor = nodes.at(-1)?.nextSibling ?? null;
        const slash = document.createElement('span');
        slash.className = 'kernelbook-both';
        slash.textContent = ' / ';
        const number = document.createElement('span');
        number.className = 'kernelbook-number';
        number.textContent = /^\s*\d+(?:\.\d+)*\.?\s+/.exec(left)?.[0] ?? '';
        const en = wrapped('en', [...nodes.slice(0, index), document.createTextNode(before)]);
        const zh = wrapped('zh', [number, document.createTextNode(after), ...nodes.slice(index + 1)]);
        node.remove();
        for (const part of [en, slash, zh]) element.insertBefore(part, anchor);
        return;
      }
    }
  };
  const short = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'summary', 'caption', 'th', 'td'];
  const selector = short.map((name) => `.jp-RenderedMarkdown ${name}`).join(',');
  const divideAll = (): void => {
    for (const element of root.querySelectorAll(selector)) divide(element);
  };

  const stored = (): string => {
    try {
      return localStorage.getItem(key) ?? 'both';
    } catch {
      return 'both'; // a page without storage remembers nothing
    }
  };
  const show = (choice: string): void => {
    root.setAttribute(attribute, choice);
    for (const button of root.querySelectorAll<HTMLButtonElement>('.kernelbook-language button'))
      button.setAttribute('aria-pressed', String(button.value === choice));
  };
  for (const [value, label] of Object.entries(choices)) {
    const button = document.createElement('button');
    button.type = 'button';
    button.value = value;
    button.textContent = label;
    button.addEventListener('click', () => {
      try {
        localStorage.setItem(key, value);
      } catch {
        // then the choice holds for this page only
      }
      show(value);
    });
    host.append(button);
  }
  host.hidden = false;
  divideAll();
  // Cells are drawn anew when they are edited, run, or scrolled into view.
  let waiting = false;
  const observer = new MutationObserver(() => {
    if (!root.isConnected || !host.isConnected) {
      if (!root.isConnected) observer.disconnect();
      return;
    }
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      divideAll();
    });
  });
  observer.observe(root, { childList: true, subtree: true });
  show(stored());
}
