/**
 * The part of Plotly's figure format that we write and that the static renderer reads. Plotly accepts much more;
 * raw figures may hold any of it (https://plotly.com/javascript/reference/).
 */

export interface Trace {
  type?: string;
  name?: string;
  x?: readonly unknown[];
  y?: readonly unknown[];
  z?: readonly (readonly (number | null)[])[];
  mode?: string;
  line?: { color?: string; dash?: string; width?: number };
  marker?: { color?: string; size?: number; symbol?: string };
  showlegend?: boolean;
  [key: string]: unknown;
}

export interface AxisLayout {
  title?: string | { text?: string; [key: string]: unknown };
  type?: string;
  range?: readonly number[];
  [key: string]: unknown;
}

export interface Layout {
  title?:
    | string
    | { text?: string; subtitle?: { text?: string; [key: string]: unknown }; [key: string]: unknown };
  xaxis?: AxisLayout;
  yaxis?: AxisLayout;
  height?: number;
  [key: string]: unknown;
}

/** A title in either of the two forms that Plotly knows. */
export function titleText(title: string | { text?: string } | undefined): string {
  return typeof title === 'string' ? title : (title?.text ?? '');
}
