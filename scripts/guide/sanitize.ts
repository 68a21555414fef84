/**
 * What notebooks may put into a page. A strict list of elements, attributes and style properties: no scripts, no
 * forms, no frames, no event handlers, nothing that loads from elsewhere. Written for outputs as well as Markdown.
 */
import sanitizeHtml from 'sanitize-html';
import type { Picture } from './pictures.js';
import type { Problems } from './problems.js';

const tags = [
  ...['p', 'div', 'span', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'blockquote', 'pre', 'section'],
  ...['ul', 'ol', 'li', 'dl', 'dt', 'dd', 'details', 'summary', 'figure', 'figcaption', 'a', 'img'],
  ...['table', 'caption', 'colgroup', 'col', 'thead', 'tbody', 'tfoot', 'tr', 'th', 'td'],
  ...[
    'b',
    'strong',
    'i',
    'em',
    'u',
    's',
    'del',
    'ins',
    'sub',
    'sup',
    'small',
    'mark',
    'abbr',
    'cite',
    'q',
    'dfn',
  ],
  ...['code', 'kbd', 'samp', 'var', 'time', 'ruby', 'rt', 'rp', 'bdi', 'wbr'],
];

/** No url(), no escapes, no nested functions: colours, lengths and keywords. */
const plainValue = [/^(?:[-\w\s.,%#+'"]|\b(?:rgba?|hsla?|var|calc)\([-\w\s.,%#+/*]*\))*$/i];
const styles = Object.fromEntries(
  [
    ...['color', 'background', 'background-color', 'opacity', 'width', 'min-width', 'max-width', 'height'],
    ...[
      'border',
      'border-left',
      'border-right',
      'border-top',
      'border-bottom',
      'border-color',
      'border-radius',
    ],
    ...['border-collapse', 'border-spacing', 'padding', 'padding-left', 'padding-right', 'padding-top'],
    ...[
      'padding-bottom',
      'margin',
      'margin-left',
      'margin-right',
      'margin-top',
      'margin-bottom',
      'text-align',
    ],
    ...[
      'vertical-align',
      'text-decoration',
      'white-space',
      'overflow-x',
      'font-family',
      'font-size',
      'font-style',
    ],
    ...['font-weight', 'font-variant-numeric', 'line-height', 'display'],
  ].map((property) => [property, plainValue]),
);

/** Parts of the page that a notebook may link to start with this; ids of a notebook never do. */
export const ownIdPrefix = 'kb-';

export interface SanitizeOptions {
  problems: Problems;
  /** Where a link of the notebook leads in the guide; default: unchanged. */
  link?: (href: string) => string;
  /** The picture that the notebook names: an attachment, a file beside it. */
  picture?: (source: string) => Picture;
}

/** Elements that a reader would miss. Scripts and style sheets are not among them: what they made is on the page or not. */
const missed = new Set([
  ...['iframe', 'frame', 'object', 'embed', 'video', 'audio', 'canvas', 'math'],
  ...['form', 'input', 'button', 'select', 'textarea', 'progress', 'meter'],
]);

export function sanitize(html: string, options: SanitizeOptions): string {
  const { problems, link = (href) => href, picture = () => undefined } = options;
  const without = new Set<string>();
  const clean = sanitizeHtml(html, {
    allowedTags: tags,
    allowedAttributes: {
      '*': ['lang', 'title', 'style', 'id', 'role', 'aria-label', 'aria-hidden', 'tabindex'],
      a: ['href', 'rel'],
      img: ['src', 'alt', 'width', 'height'],
      th: ['scope', 'colspan', 'rowspan', 'align'],
      td: ['colspan', 'rowspan', 'align'],
      col: ['span'],
      colgroup: ['span'],
      ol: ['start', 'type', 'reversed'],
      details: ['open'],
      time: ['datetime'],
    },
    allowedClasses: { '*': ['kernelbook-*', 'dataframe'] },
    allowedStyles: { '*': styles },
    allowedSchemes: ['http', 'https', 'mailto'],
    allowedSchemesByTag: { img: ['data'] },
    allowProtocolRelative: false,
    transformTags: {
      '*': (tagName, attribs) => {
        if (missed.has(tagName)) without.add(tagName);
        const { id, ...rest } = attribs;
        return { tagName, attribs: id && !id.startsWith(ownIdPrefix) ? attribs : rest };
      },
      a: (tagName, attribs) => {
        const href = attribs.href === undefined ? undefined : link(attribs.href);
        const { rel: _rel, ...rest } = attribs;
        const outside = href !== undefined && /^https?:/i.test(href);
        const own = { ...(href !== undefined && { href }), ...(outside && { rel: 'noopener noreferrer' }) };
        return { tagName, attribs: { ...rest, ...own } };
      },
      img: (tagName, attribs) => {
        const source = attribs.src ?? '';
        const found = isImageData(source) ? { data: source } : picture(source);
        if (found && 'data' in found)
          return { tagName, attribs: { ...attribs, src: found.data, alt: attribs.alt ?? '' } };
        const why = found?.missing ?? 'is not part of the notebook';
        problems.add(`image ${JSON.stringify(source.slice(0, 80))} ${why}, so it is left out`);
        return { tagName: 'span', attribs: {}, text: `[${attribs.alt || source}]` };
      },
    },
  });
  for (const tag of without)
    problems.add(`a <${tag}> element is left out: a guide shows text, tables and pictures`);
  return clean;
}

function isImageData(source: string): boolean {
  return /^data:image\/(?:png|jpeg|gif|webp|svg\+xml)[;,]/i.test(source);
}
