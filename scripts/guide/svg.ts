/**
 * Vector figures, set into the page so that their text can be read and follows the page's colours. The drawing
 * elements only: no script, no foreign content, no animation, no reference out of the figure; a style sheet reaches no
 * further than its drawing.
 */
import sanitizeHtml from 'sanitize-html';
import { isLocal, scopedCss, takeStyles } from './scoped-css.js';

const tags = [
  ...[
    'svg',
    'g',
    'defs',
    'symbol',
    'use',
    'title',
    'desc',
    'path',
    'rect',
    'circle',
    'ellipse',
    'line',
    'polyline',
  ],
  ...['polygon', 'text', 'tspan', 'textPath', 'clipPath', 'mask', 'marker', 'pattern', 'linearGradient'],
  ...['radialGradient', 'stop', 'image'],
];
const attributes = [
  ...[
    'id',
    'class',
    'lang',
    'viewBox',
    'width',
    'height',
    'x',
    'y',
    'x1',
    'y1',
    'x2',
    'y2',
    'cx',
    'cy',
    'r',
    'rx',
    'ry',
    'd',
  ],
  ...[
    'dx',
    'dy',
    'points',
    'transform',
    'fill',
    'fill-*',
    'stroke',
    'stroke-*',
    'opacity',
    'color',
    'clip-path',
  ],
  ...['clip-rule', 'mask', 'marker-*', 'font-*', 'text-anchor', 'dominant-baseline', 'alignment-baseline'],
  ...['letter-spacing', 'text-rendering', 'shape-rendering', 'image-rendering', 'vector-effect', 'offset'],
  ...[
    'stop-*',
    'gradientUnits',
    'gradientTransform',
    'spreadMethod',
    'fx',
    'fy',
    'patternUnits',
    'patternTransform',
  ],
  ...[
    'patternContentUnits',
    'clipPathUnits',
    'maskUnits',
    'markerWidth',
    'markerHeight',
    'refX',
    'refY',
    'orient',
  ],
  ...['markerUnits', 'preserveAspectRatio', 'role', 'aria-*', 'xmlns', 'xml:space', 'rotate', 'textLength'],
  ...[
    'lengthAdjust',
    'paint-order',
    'visibility',
    'display',
    'overflow',
    'style',
    'href',
    'xlink:href',
    'tabindex',
  ],
];

const canonical = new Map([...tags, ...attributes].map((name) => [name.toLowerCase(), name]));
/** HTML does not care for the case of these names, SVG does. */
const svgName = (name: string): string => canonical.get(name.toLowerCase()) ?? name;

/** What a drawing may hold that a page does not show, with its words for a reader of the report. */
const leftOut: Record<string, string> = {
  script: 'script',
  foreignobject: 'foreign content (foreignObject)',
  animate: 'animation',
  animatetransform: 'animation',
  animatemotion: 'animation',
  set: 'animation',
  filter: 'filter',
  iframe: 'frame',
};

/**
 * The figure with everything active taken out and every id made unique by `prefix`; undefined when no drawing is left.
 * `report` hears what a reader would miss.
 */
export function sanitizeSvg(
  svg: string,
  prefix: string,
  report: (what: string) => void = () => {},
): string | undefined {
  const names = new Map<string, string>();
  const rename = (name: string) => {
    const known = names.get(name) ?? `${prefix}-${names.size}`;
    names.set(name, known);
    return known;
  };
  const local = (value: string) =>
    value.replaceAll(
      /url\(\s*(['"]?)#([-\w.:]+)\1\s*\)/gi,
      (_, _quote, name: string) => `url(#${rename(name)})`,
    );
  const { rest, css } = takeStyles(svg);
  const missed = new Set<string>();
  const clean = sanitizeHtml(rest, {
    allowedTags: tags,
    allowedAttributes: { '*': attributes },
    parseStyleAttributes: false,
    parser: { lowerCaseTags: false, lowerCaseAttributeNames: false, xmlMode: true },
    selfClosing: [],
    allowedSchemes: ['data'],
    allowedSchemesAppliedToAttributes: [],
    allowProtocolRelative: false,
    transformTags: {
      '*': (tagName, attribs) => {
        const what = leftOut[tagName.toLowerCase()];
        if (what !== undefined) missed.add(what);
        const kept: Record<string, string> = {};
        for (const [written, value] of Object.entries(attribs)) {
          const name = svgName(written);
          if (name === 'href' || name === 'xlink:href') {
            if (value.startsWith('#')) kept.href = `#${rename(value.slice(1))}`;
            else if (svgName(tagName) === 'image') {
              if (/^data:image\/(?:png|jpeg);base64,/.test(value)) kept.href = value;
              else missed.add(`picture ${JSON.stringify(value.slice(0, 80))}`);
            }
          } else if (name === 'id') kept.id = rename(value);
          else if (name.startsWith('aria-') && /labelledby|describedby/.test(name)) {
            kept[name] = value.split(/\s+/).filter(Boolean).map(rename).join(' ');
          } else if (isLocal(value)) kept[name] = local(value);
        }
        return { tagName: svgName(tagName), attribs: kept };
      },
    },
  });
  for (const what of missed) report(`a drawing is shown without its ${what}`);
  const figure = /<svg[\s>][\s\S]*<\/svg>/.exec(clean)?.[0];
  if (figure === undefined || css.trim() === '') return figure;
  const own = /^<svg\b[^>]*\sid="([^"]*)"/.exec(figure)?.[1];
  const scope = own ?? `${prefix}-drawing`;
  const rules = scopedCss(css, scope, rename, local);
  if (rules === '') return figure;
  const withId = own === undefined ? figure.replace('<svg', `<svg id="${scope}"`) : figure;
  return withId.replace(/^<svg[^>]*>/, (start) => `${start}<style>${rules}</style>`);
}
