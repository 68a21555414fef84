/**
 * Vector figures, set into the page so that their text can be read and follows the page's colours. The drawing
 * elements only: no script, no style sheet, no foreign content, no animation, no reference out of the figure.
 */
import sanitizeHtml from 'sanitize-html';

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

/** References stay inside the figure: `url(#name)` and `#name`. */
function isLocal(value: string): boolean {
  return (
    value.replaceAll(/url\(\s*(['"]?)#[-\w.:]+\1\s*\)/gi, '').match(/url\s*\(|\\|@import|expression/i) ===
    null
  );
}

/**
 * The figure with everything active taken out and every id made unique by `prefix`; undefined when no drawing is left.
 */
export function sanitizeSvg(svg: string, prefix: string): string | undefined {
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
  const clean = sanitizeHtml(svg, {
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
        const kept: Record<string, string> = {};
        for (const [name, value] of Object.entries(attribs)) {
          if (name === 'href' || name === 'xlink:href') {
            if (value.startsWith('#')) kept.href = `#${rename(value.slice(1))}`;
            else if (tagName === 'image' && /^data:image\/(?:png|jpeg);base64,/.test(value))
              kept.href = value;
          } else if (name === 'id') kept.id = rename(value);
          else if (name.startsWith('aria-') && /labelledby|describedby/.test(name)) {
            kept[name] = value.split(/\s+/).filter(Boolean).map(rename).join(' ');
          } else if (isLocal(value)) kept[name] = local(value);
        }
        return { tagName, attribs: kept };
      },
    },
  });
  const figure = /<svg[\s>][\s\S]*<\/svg>/.exec(clean)?.[0];
  return figure;
}
