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
    if (kind === 'theme') window.dispatchEvent(new Event('kernelbook-theme'));
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
    relayout(host: HTMLElement, layout: unknown): Promise<unknown>;
  }
  const plotly = (window as unknown as { Plotly?: PlotlyApi }).Plotly;
  if (!plotly) return;
  const drawn: { host: HTMLElement; layout: Record<string, unknown> }[] = [];
  const themed = (layout: Record<string, unknown>): Record<string, unknown> => {
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
    try {
      // Plotly's button that uploads a figure to its cloud is shown unless it is refused.
      const config = { displaylogo: false, responsive: true, showSendToCloud: false, plotlyServerURL: '' };
      await plotly.newPlot(host, data, themed(layout), config);
      still.hidden = true;
      drawn.push({ host, layout });
    } catch (error) {
      host.remove();
      console.error('This figure could not be drawn; its static image stays.', error);
    }
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
    for (const { host, layout } of drawn) void plotly.relayout(host, themed(layout));
  };
  window.addEventListener('kernelbook-theme', repaint);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint);
}

/** Marks the section being read in the table of contents. */
export function contentsScript(): void {
  const links = new Map<string, Element>();
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
    topic: string;
    heading: string;
    text: string;
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
  const excerpt = (text: string, word: string): HTMLElement => {
    const paragraph = document.createElement('p');
    const at = Math.max(0, text.toLowerCase().indexOf(word));
    const from = Math.max(0, at - 50);
    paragraph.append(from > 0 ? '…' : '', text.slice(from, at));
    const mark = document.createElement('mark');
    mark.textContent = text.slice(at, at + word.length);
    paragraph.append(mark, text.slice(at + word.length, at + 110), text.length > at + 110 ? '…' : '');
    return paragraph;
  };
  const search = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    list.replaceChildren();
    count.textContent = '';
    const first = words[0];
    if (first === undefined) return;
    const found = sections
      .map((section) => {
        const heading = `${section.topic} ${section.heading}`.toLowerCase();
        const text = section.text.toLowerCase();
        const hits = words.map(
          (word) => (heading.includes(word) ? 10 : 0) + Math.min(5, text.split(word).length - 1),
        );
        return { section, score: hits.every((hit) => hit > 0) ? hits.reduce((a, b) => a + b, 0) : 0 };
      })
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score);
    count.textContent =
      found.length === 1 ? '1 section / 1 处' : `${found.length} sections / ${found.length} 处`;
    for (const { section } of found.slice(0, most)) {
      const item = document.createElement('li');
      const link = document.createElement('a');
      link.href = section.anchor ? `${section.page}#${encodeURIComponent(section.anchor)}` : section.page;
      link.textContent =
        section.heading === section.topic ? section.topic : `${section.topic} › ${section.heading}`;
      item.append(link, excerpt(section.text, first));
      list.append(item);
    }
  };
  input.addEventListener('input', search);
  search();
}
