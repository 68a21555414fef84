/** Offline figures: see `plot.ts` for the charts, `figure.ts` for the forms they are shown in. */
export { Figure, plotlyMimeType } from './figure.js';
export { type FigureOptions, type HeatmapOptions, plot, type Samples, type Series } from './plot.js';
