/**
 * The two scripts a figure's HTML carries. They are written as functions, checked by the compiler, and put into the
 * page as text, so neither may use anything from outside its own body. Nothing here asks the network.
 *
 * A page holds many figures but the library only once, in the output of the first figure of a kernel session, and
 * outputs are attached in any order; so a figure that comes before the library waits for an event. The library is
 * also kept in the browser's Cache Storage: after the cell that carried it was run again, a saved notebook would
 * otherwise show static images only.
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

  if (page.Plotly) void draw();
  else window.addEventListener('kernelbook-plotly', () => void draw(), { once: true });
}

/** Unpacks the library of the element before this one, or the copy the browser kept, and tells the waiting figures. */
export async function loadLibrary(self: HTMLElement, key: string): Promise<void> {
  const page = window as unknown as { Plotly?: PlotlyApi; kernelbookLoading?: boolean };
  const packed = self.previousElementSibling?.textContent?.trim() ?? '';
  // Absent or refused in some pages, for example one opened from a file.
  const kept = await (async () => caches.open('kernelbook'))().catch(() => undefined);
  const bytes = packed
    ? new Blob([Uint8Array.from(atob(packed), (character) => character.charCodeAt(0))])
    : await (await kept?.match(key))?.blob();
  // Asked only here: of several figures that wait for their own bytes, the first that has them loads the library.
  if (!bytes || page.Plotly || page.kernelbookLoading) return;
  page.kernelbookLoading = true;
  if (packed) await kept?.put(key, new Response(bytes)).catch(() => undefined);
  const code = await new Response(bytes.stream().pipeThrough(new DecompressionStream('gzip'))).text();
  // `module`, `exports` and `define` are hidden, so that a page with RequireJS does not catch the library.
  const script = document.createElement('script');
  script.textContent = `(function(module,exports,define){${code}\n}).call(window);`;
  document.head.append(script);
  window.dispatchEvent(new Event('kernelbook-plotly'));
}
