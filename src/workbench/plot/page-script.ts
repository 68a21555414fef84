/**
 * The scripts a figure's HTML carries. They are written as functions, checked by the compiler, and put into the page as
 * text, so none may use anything from outside its own body. Nothing is asked of another machine than the page's own
 * Jupyter server.
 *
 * The library (1.4 MB) is in no output: `kernelbook install` lays it beside the kernelspec, whose files a Jupyter server
 * serves. The first figure of a page loads it and the others wait for an event.
 */

/** What the page knows of Plotly. */
interface PlotlyApi {
  newPlot(host: HTMLElement, data: unknown, layout: unknown, config: unknown): Promise<unknown>;
  relayout(host: HTMLElement, layout: unknown): Promise<unknown>;
  Plots: { resize(host: HTMLElement): void };
}

/** A script element that calls `body` with itself and the given arguments (plain JSON). */
export function inlineScript(
  body: (self: HTMLElement, ...rest: never[]) => void | Promise<void>,
  ...rest: readonly string[]
): string {
  const list = ['document.currentScript', ...rest.map((value) => JSON.stringify(value))].join(',');
  return `<script>(${body.toString().replaceAll('</', '<\\/')})(${list})</script>`;
}

/** Draws the figure of the surrounding element with Plotly, now or once the library is there. */
export function drawFigure(self: HTMLElement): void {
  const page = window as unknown as { Plotly?: PlotlyApi };
  const figure = self.parentElement;
  const image = figure?.querySelector('img');
  const json = figure?.querySelector('script[type="application/json"]')?.textContent;
  if (!figure || !image || !json || figure.dataset.drawn) return;
  figure.dataset.drawn = 'waiting';

  // Figures take the ink of the page they stand in: light, dark, or a theme of the user's own.
  const themed = () => {
    const ink = getComputedStyle(figure).color;
    const [red = 0, green = 0, blue = 0] = (ink.match(/[\d.]+/g) ?? []).map(Number);
    const grid = `rgba(${red},${green},${blue},0.15)`;
    const axis = { gridcolor: grid, zerolinecolor: grid, linecolor: ink, color: ink };
    const clear = 'rgba(0,0,0,0)';
    const modebar = { bgcolor: clear, color: `rgba(${red},${green},${blue},0.5)`, activecolor: ink };
    return { paper_bgcolor: clear, plot_bgcolor: clear, modebar, ink, axis };
  };

  const draw = async (): Promise<void> => {
    const plotly = page.Plotly;
    if (!plotly || figure.dataset.drawn === 'plotly') return;
    figure.dataset.drawn = 'plotly';
    const { data, layout, config } = JSON.parse(json);
    const apply = (base: Record<string, unknown>) => {
      const { ink, axis, ...colours } = themed();
      const merged: Record<string, unknown> = {
        ...base,
        ...colours,
        font: { ...(base.font as object), color: ink },
      };
      for (const key of ['xaxis', 'yaxis']) merged[key] = { ...(base[key] as object), ...axis };
      return merged;
    };
    const box = document.createElement('div');
    box.style.width = '100%';
    figure.insertBefore(box, image);
    image.style.display = 'none';
    try {
      await plotly.newPlot(box, data, apply(layout), config);
    } catch (error) {
      box.remove();
      image.style.display = '';
      console.error('kernelbook: Plotly could not draw the figure; its static image stays.', error);
      return;
    }
    // JupyterLab changes its theme without drawing outputs again.
    new MutationObserver(() => {
      if (box.isConnected) void plotly.relayout(box, apply(layout));
    }).observe(document.body, {
      attributes: true,
      attributeFilter: ['data-jp-theme-light', 'data-jp-theme-name'],
    });
    new ResizeObserver(() => {
      if (box.isConnected && box.clientWidth > 0) plotly.Plots.resize(box);
    }).observe(figure);
  };

  // A figure in a fold, or in the language that is not chosen, has no width to be drawn in until it is shown.
  const drawWhenShown = () => {
    const shown = new ResizeObserver(() => {
      if (figure.clientWidth === 0) return;
      shown.disconnect();
      void draw();
    });
    shown.observe(figure);
  };
  if (page.Plotly) drawWhenShown();
  else window.addEventListener('kernelbook-plotly', drawWhenShown, { once: true });
}

/** Puts the drawing of the image beside it into the page itself, where it takes the colours of the theme. */
export function inlineDrawing(self: HTMLElement): void {
  const image = self.parentElement?.querySelector('img');
  const base64 = image?.getAttribute('src')?.replace('data:image/svg+xml;base64,', '');
  if (!image || !base64) return;
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const drawing = new DOMParser().parseFromString(
    new TextDecoder().decode(bytes),
    'image/svg+xml',
  ).documentElement;
  if (drawing.nodeName === 'svg') image.replaceWith(document.importNode(drawing, true));
}

/**
 * Loads the library that a Jupyter server keeps beside our kernelspec, and tells the waiting figures. On a page of
 * another kind (a saved page, VS Code) there is no such server and the static images stay.
 */
export async function loadLibrary(_self: HTMLElement, file: string): Promise<void> {
  const page = window as unknown as { Plotly?: PlotlyApi; kernelbookLoading?: boolean };
  const settings = document.getElementById('jupyter-config-data')?.textContent;
  const baseUrl =
    (settings ? (JSON.parse(settings) as { baseUrl?: string }).baseUrl : undefined) ??
    document.body?.dataset.baseUrl;
  if (!baseUrl || page.Plotly || page.kernelbookLoading) return;
  page.kernelbookLoading = true;
  try {
    const answer = await fetch(`${baseUrl}api/kernelspecs`);
    const { kernelspecs } = (await answer.json()) as {
      kernelspecs: Record<string, { spec?: { metadata?: { kernelbook?: { files?: string[] } } } }>;
    };
    const owner = Object.entries(kernelspecs).find(([, { spec }]) =>
      spec?.metadata?.kernelbook?.files?.includes(file),
    );
    if (!owner) return;
    const packed = await fetch(`${baseUrl}kernelspecs/${encodeURIComponent(owner[0])}/${file}`);
    if (!packed.ok || !packed.body) return;
    const code = await new Response(packed.body.pipeThrough(new DecompressionStream('gzip'))).text();
    // `module`, `exports` and `define` are hidden, so that a page with RequireJS does not catch the library.
    const script = document.createElement('script');
    script.textContent = `(function(module,exports,define){${code}\n}).call(window);`;
    document.head.append(script);
    window.dispatchEvent(new Event('kernelbook-plotly'));
  } catch (error) {
    console.warn('kernelbook: the server gave no Plotly; the static images stay.', error);
  } finally {
    page.kernelbookLoading = false;
  }
}
