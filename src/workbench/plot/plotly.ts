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
  marker?: { color?: string; size?: number; symbol?: string; opacity?: number };
  /** Ranges of the points: distances above and below each y. */
  error_y?: { array?: readonly unknown[]; arrayminus?: readonly unknown[]; [key: string]: unknown };
  showlegend?: boolean;
  [key: string]: unknown;
}

export interface AxisLayout {
  title?: string | { text?: string; [key: string]: unknown };
  type?: string;
  range?: readonly number[];
  /** Where the ticks are, and what stands at them. */
  tickvals?: readonly unknown[];
  ticktext?: readonly string[];
  [key: string]: unknown;
}

export interface Shape {
  type?: string;
  x0?: number | string;
  x1?: number | string;
  yref?: string;
  label?: { text?: string; [key: string]: unknown };
  [key: string]: unknown;
}

export interface Layout {
  title?:
    | string
    | { text?: string; subtitle?: { text?: string; [key: string]: unknown }; [key: string]: unknown };
  xaxis?: AxisLayout;
  yaxis?: AxisLayout;
  shapes?: readonly Shape[];
  height?: number;
  [key: string]: unknown;
}

/** A title in either of the two forms that Plotly knows. */
export function titleText(title: string | { text?: string } | undefined): string {
  return typeof title === 'string' ? title : (title?.text ?? '');
}
