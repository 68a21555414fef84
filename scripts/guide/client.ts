/**
 * The scripts of a guide page. They are functions that the compiler checks and that go into the page as text, so
 * they use nothing from outside their own body. The pages are complete without them.
 */

/** Language and theme choices, kept in the browser; folded answers open for print. Runs in the head. */
export function pageScript(): void {
  const root = document.documentElement;
  const stored = (key: string): string | null => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // a page opened from a file may have no storage
    }
  };
  const store = (key: string, value: string): void => {
    try {
      localStorage.setItem(key, value);
    } catch {
      // then the choice holds for this page only
    }
  };
  const apply = (kind: string, value: string): void => {
    root.setAttribute(`data-${kind}`, value);
    for (const button of document.querySelectorAll<HTMLButtonElement>(`button[data-set-${kind}]`)) {
      button.setAttribute('aria-pressed', String(button.getAttribute(`data-set-${kind}`) === value));
    }
    if (kind === 'show') name(value);
    window.dispatchEvent(new Event(`kernelbook-${kind}`));
  };
  /** Names and titles are attributes: no style sheet can choose their language. */
  const name = (show: string): void => {
    root.lang = show === 'zh' ? 'zh' : 'en';
    for (const element of document.querySelectorAll<HTMLElement>('[data-en]')) {
      const { en = '', zh = '' } = element.dataset;
      const text = en === zh || show === 'en' ? en : show === 'zh' ? zh : `${en} / ${zh}`;
      if (element.tagName === 'TITLE') document.title = text;
      if (element.hasAttribute('aria-label')) element.setAttribute('aria-label', text);
      if (element.title) element.title = text;
    }
  };
  const kinds = { show: 'both', theme: 'auto' };
  for (const [kind, initial] of Object.entries(kinds)) {
    root.setAttribute(`data-${kind}`, stored(`kernelbook-${kind}`) ?? initial);
  }
  root.classList.add('js');
  document.addEventListener('DOMContentLoaded', () => {
    for (const kind of Object.keys(kinds)) {
      apply(kind, root.getAttribute(`data-${kind}`) ?? '');
      for (const button of document.querySelectorAll<HTMLButtonElement>(`button[data-set-${kind}]`)) {
        button.addEventListener('click', () => {
          const value = button.getAttribute(`data-set-${kind}`) ?? '';
          store(`kernelbook-${kind}`, value);
          apply(kind, value);
        });
      }
    }
  });
  let opened: HTMLDetailsElement[] = [];
  window.addEventListener('beforeprint', () => {
    opened = [...document.querySelectorAll<HTMLDetailsElement>('main details:not([open])')];
    for (const details of opened) details.open = true;
  });
  window.addEventListener('afterprint', () => {
    for (const details of opened) details.open = false;
  });
}

/** Draws each figure with Plotly when it comes near the window, over its static image. */
export function figureScript(): void {
  interface PlotlyApi {
    newPlot(host: HTMLElement, data: unknown, layout: unknown, config: unknown): Promise<unknown>;
    react(host: HTMLElement, data: unknown, layout: unknown, config: unknown): Promise<unknown>;
  }
  type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
  const plotly = (window as unknown as { Plotly?: PlotlyApi }).Plotly;
  if (!plotly) return;
  const drawn: { host: HTMLElement; data: Json; layout: Record<string, Json>; width: number }[] = [];
  const han = /\p{Script=Han}/u;
  /** "English / 中文" in the language chosen. */
  const chosen = (text: string): string => {
    const show = document.documentElement.getAttribute('data-show');
    if (show !== 'en' && show !== 'zh') return text;
    for (let at = text.lastIndexOf(' / '); at > 0; at = text.lastIndexOf(' / ', at - 1)) {
      const [en, zh] = [text.slice(0, at), text.slice(at + 3)];
      if (han.test(zh) && !han.test(en)) return show === 'en' ? en : zh;
    }
    return text;
  };
  const inLanguage = (value: Json): Json => {
    if (typeof value === 'string') return chosen(value);
    if (Array.isArray(value)) return typeof value[0] === 'number' ? value : value.map(inLanguage);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, inLanguage(one)]));
  };
  const context = document.createElement('canvas').getContext('2d');
  /** A text in lines that fit: Plotly breaks none by itself. */
  const broken = (text: string, width: number, size: number): string => {
    if (!context) return text;
    context.font = `600 ${size}px system-ui, sans-serif`;
    const lines = [''];
    for (const word of text.split(/(?<= )|(?=\p{Script=Han})/u)) {
      const line = lines.at(-1) ?? '';
      if (line !== '' && context.measureText(line + word).width > width) lines.push(word);
      else lines[lines.length - 1] = line + word;
    }
    return lines.map((line) => line.trim()).join('<br>');
  };
  /** Title and subtitle in lines, with the room above the axes that they need. */
  const fitted = (layout: Record<string, Json>, width: number): Record<string, Json> => {
    const title = layout.title as { text?: string; subtitle?: { text?: string } } | undefined;
    if (typeof title !== 'object' || title === null) return layout;
    const lines = (text: string) => text.split('<br>').length;
    const head = broken(title.text ?? '', width - 40, 16);
    const sub = title.subtitle && broken(title.subtitle.text ?? '', width - 40, 12);
    const more = 20 * (lines(head) - 1) + (sub === undefined ? 0 : 15 * (lines(sub) - 1));
    const margin = (layout.margin ?? {}) as { t?: number };
    return {
      ...layout,
      title: {
        ...title,
        text: head,
        ...(sub !== undefined && { subtitle: { ...title.subtitle, text: sub } }),
      },
      margin: { ...margin, t: (margin.t ?? 60) + more },
      ...(typeof layout.height === 'number' && { height: layout.height + more }),
    };
  };
  const themed = (layout: Record<string, Json>): Record<string, unknown> => {
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue('--ink').trim();
    const grid = style.getPropertyValue('--line').trim();
    const axis = { gridcolor: grid, zerolinecolor: grid, linecolor: ink, color: ink };
    const themedLayout: Record<string, unknown> = {
      ...layout,
      paper_bgcolor: 'rgba(0,0,0,0)',
      plot_bgcolor: 'rgba(0,0,0,0)',
      font: { ...(layout.font as object), color: ink },
      autosize: true,
    };
    for (const key of ['xaxis', 'yaxis']) themedLayout[key] = { ...(layout[key] as object), ...axis };
    return themedLayout;
  };
  const draw = async (figure: HTMLElement): Promise<void> => {
    const still = figure.querySelector<HTMLElement>('.still');
    const json = figure.querySelector('script[type="application/json"]')?.textContent;
    if (!still || !json) return;
    const { data, layout } = JSON.parse(json);
    const host = document.createElement('div');
    host.className = 'live';
    figure.insertBefore(host, still);
    const one = { host, data, layout, width: host.clientWidth };
    try {
      await paint(one);
      still.hidden = true;
      drawn.push(one);
    } catch (error) {
      host.remove();
      console.error('This figure could not be drawn; its static image stays.', error);
    }
  };
  const paint = ({ host, data, layout }: (typeof drawn)[number]): Promise<unknown> => {
    // No bar of buttons: it covers the title. A double click shows the whole figure again.
    const config = {
      displaylogo: false,
      displayModeBar: false,
      responsive: true,
      showSendToCloud: false,
      plotlyServerURL: '',
    };
    const shown = themed(fitted(inLanguage(layout) as Record<string, Json>, host.clientWidth));
    return plotly.react(host, inLanguage(data), shown, config);
  };
  const nearby = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        nearby.unobserve(entry.target);
        void draw(entry.target as HTMLElement);
      }
    },
    { rootMargin: '400px' },
  );
  for (const figure of document.querySelectorAll('figure.plotly')) nearby.observe(figure);
  const repaint = () => {
    for (const one of drawn) void paint(one);
  };
  window.addEventListener('kernelbook-theme', repaint);
  window.addEventListener('kernelbook-show', repaint);
  window.addEventListener('resize', () => {
    for (const one of drawn) {
      if (one.host.clientWidth === one.width) continue;
      one.width = one.host.clientWidth;
      void paint(one);
    }
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint);
}

/** Marks the section being read in the table of contents. */
export function contentsScript(): void {
  const links = new Map<string, Element>();
  const fold = document.querySelector<HTMLDetailsElement>('nav.contents details');
  const beside = matchMedia('(min-width:70rem)');
  // Beside the text the contents stand open; above it they would push it out of sight.
  const place = () => {
    if (fold) fold.open = beside.matches;
  };
  beside.addEventListener('change', place);
  place();
  for (const link of document.querySelectorAll('nav.contents a')) {
    links.set(decodeURIComponent(link.getAttribute('href')?.slice(1) ?? ''), link);
  }
  const headings = [...document.querySelectorAll('main h1[id], main h2[id], main h3[id]')].filter((heading) =>
    links.has(heading.id),
  );
  const mark = () => {
    const current = headings.filter((heading) => heading.getBoundingClientRect().top < 120).at(-1);
    for (const [id, link] of links) {
      if (id === current?.id) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
  };
  let waiting = false;
  window.addEventListener(
    'scroll',
    () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        mark();
      });
    },
    { passive: true },
  );
  mark();
}

/** Full-text search over the sections of all pages. Every word must occur; headings count more than text. */
export function searchScript(): void {
  interface Section {
    page: string;
    anchor: string;
    topic: Words;
    heading: Words;
    text: Words;
  }
  interface Words {
    en: string;
    zh: string;
  }
  const form = document.querySelector<HTMLElement>('search');
  const input = document.querySelector<HTMLInputElement>('#kb-search');
  const list = document.querySelector<HTMLOListElement>('#kb-results');
  const count = document.querySelector<HTMLElement>('#kb-count');
  const data = document.querySelector('#kb-sections')?.textContent;
  if (!form || !input || !list || !count || !data) return;
  form.hidden = false;
  const sections = JSON.parse(data) as Section[];
  const most = 20;
  /** In the language chosen; in both, where they differ. */
  const words = ({ en, zh }: Words, between: string): string => {
    const show = document.documentElement.getAttribute('data-show');
    if (show === 'en' || en === zh) return en;
    return show === 'zh' ? zh : `${en}${between}${zh}`;
  };
  /** From a position to the nearest one that is in no word: a blank, or between Chinese characters. */
  const boundary = (text: string, at: number, step: 1 | -1): number => {
    const inside = /[\p{L}\p{N}_^]/u;
    const han = /\p{Script=Han}/u;
    let to = at;
    for (let moved = 0; moved < 40 && to > 0 && to < text.length; moved++, to += step) {
      const [before = '', after = ''] = [text[to - 1], text[to]];
      if (!inside.test(before) || !inside.test(after) || han.test(before) || han.test(after)) break;
    }
    return to;
  };
  const excerpt = (text: string, word: string): HTMLElement => {
    const paragraph = document.createElement('p');
    const at = Math.max(0, text.toLowerCase().indexOf(word));
    const from = boundary(text, Math.max(0, at - 50), -1);
    const to = boundary(text, Math.min(text.length, at + 110), 1);
    paragraph.append(from > 0 ? '…' : '', text.slice(from, at));
    const mark = document.createElement('mark');
    mark.textContent = text.slice(at, at + word.length);
    paragraph.append(mark, text.slice(at + word.length, to), to < text.length ? '…' : '');
    return paragraph;
  };
  const search = () => {
    const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    list.replaceChildren();
    count.textContent = '';
    const first = wanted[0];
    if (first === undefined) return;
    const found = sections
      .map((section) => {
        const heading = `${words(section.topic, ' ')} ${words(section.heading, ' ')}`.toLowerCase();
        const text = words(section.text, ' ').toLowerCase();
        const hits = wanted.map(
          (word) => (heading.includes(word) ? 10 : 0) + Math.min(5, text.split(word).length - 1),
        );
        return { section, score: hits.every((hit) => hit > 0) ? hits.reduce((a, b) => a + b, 0) : 0 };
      })
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score);
    const sectionCount = found.length === 1 ? '1 section' : `${found.length} sections`;
    count.textContent = words({ en: sectionCount, zh: `${found.length} 处` }, ' / ');
    for (const { section } of found.slice(0, most)) {
      const item = document.createElement('li');
      const link = document.createElement('a');
      link.href = section.anchor ? `${section.page}#${encodeURIComponent(section.anchor)}` : section.page;
      const [topic, heading] = [words(section.topic, ' / '), words(section.heading, ' / ')];
      link.textContent = heading === topic ? topic : `${topic} › ${heading}`;
      item.append(link, excerpt(words(section.text, ' '), first));
      list.append(item);
    }
  };
  input.addEventListener('input', search);
  window.addEventListener('kernelbook-show', search);
  search();
}
