/**
 * Colours and lettering shared by the interactive figure (Plotly) and the static one (our SVG), so that both look
 * alike. Series colours keep a contrast of at least 3:1 on both the light and the dark ground (WCAG 2.1, 1.4.11) and
 * start from the colour-blind safe set of Okabe and Ito (2008).
 */

export const seriesColours = [
  '#2f7fd1',
  '#d55e00',
  '#009e73',
  '#c2558f',
  '#8a63d2',
  '#a6761d',
  '#7a7f87',
] as const;

export interface Ground {
  paper: string;
  ink: string;
  muted: string;
  grid: string;
}

export const light: Ground = { paper: '#ffffff', ink: '#1f2328', muted: '#59636e', grid: '#e3e6ea' };
export const dark: Ground = { paper: '#16191d', ink: '#e6e8eb', muted: '#9aa4ae', grid: '#30363d' };

export const fontFamily =
  "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif";

/** A colour scale as Plotly wants it: positions in [0, 1] with their colour. */
export type ColourScale = readonly (readonly [number, string])[];

/** Perceptually even, from low to high (viridis, S. van der Walt and N. Smith, 2015). */
export const sequential: ColourScale = evenly([
  '#440154',
  '#482878',
  '#3e4989',
  '#31688e',
  '#26828e',
  '#1f9e89',
  '#35b779',
  '#6ece58',
  '#b5de2b',
  '#fde725',
]);

/** Two hues that meet in a neutral middle, for values with a natural zero (RdBu of ColorBrewer). */
export const diverging: ColourScale = evenly(['#2166ac', '#67a9cf', '#f7f7f7', '#ef8a62', '#b2182b']);

function evenly(colours: readonly string[]): ColourScale {
  return colours.map((colour, i) => [i / (colours.length - 1), colour] as const);
}

/** Red, green, blue of a position in [0, 1], linear between the stops. */
export function colourAt(scale: ColourScale, position: number): [number, number, number] {
  const clamped = Math.min(1, Math.max(0, position));
  const upper = Math.max(
    1,
    scale.findIndex(([at]) => at >= clamped),
  );
  const [from, low] = scale[upper - 1]!;
  const [to, high] = scale[upper]!;
  const share = (clamped - from) / (to - from);
  const [a, b] = [channels(low), channels(high)];
  return [0, 1, 2].map((i) => Math.round(a[i]! + (b[i]! - a[i]!) * share)) as [number, number, number];
}

function channels(hex: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}
