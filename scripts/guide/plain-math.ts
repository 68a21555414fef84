/**
 * A formula in plain characters, from the MathML that KaTeX makes of it: what a search finds and shows. A fraction is
 * `a/b`, a root `√(a + b)`, indices and powers `x_i^2`.
 */

interface Node {
  name: string;
  children: (Node | string)[];
}

const entities: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', '#x27': "'", nbsp: ' ' };

export function plainMath(mathml: string): string {
  return words(parse(mathml)).replaceAll(/\s+/g, ' ').trim();
}

/** KaTeX's MathML is well formed, and has no self-closing elements that hold text. */
function parse(mathml: string): Node {
  const root: Node = { name: 'root', children: [] };
  const open = [root];
  for (const [, close, name, self, text] of mathml.matchAll(/<(\/?)([a-z-]+)[^>]*?(\/?)>|([^<]+)/g)) {
    const top = open.at(-1)!;
    if (text !== undefined) top.children.push(decoded(text));
    else if (close) open.pop();
    else {
      const node = { name: name!, children: [] };
      top.children.push(node);
      if (!self) open.push(node);
    }
  }
  return root;
}

function decoded(text: string): string {
  return text
    .replaceAll(/&([#\w]+);/g, (whole, name: string) => entities[name] ?? whole)
    .replaceAll(/[\u2061-\u2064\u200b]/g, '');
}

function words(node: Node | string): string {
  if (typeof node === 'string') return node;
  const parts = node.children.map(words);
  const [first = '', second = '', third = ''] = parts;
  switch (node.name) {
    case 'annotation':
      return '';
    case 'mo':
      return /^[=<>≤≥≈≠→←⇒⇔∈⊂⊆∼∝≡+×·⊙⊗⊕]$/.test(parts.join('')) ? ` ${parts.join('')} ` : parts.join('');
    case 'mspace':
      return ' ';
    case 'mtable':
      return parts.join('; ');
    case 'mtr':
      return parts.filter((part) => part.trim() !== '').join(', ');
    case 'mfrac':
      return `${grouped(first)}/${grouped(second)}`;
    case 'msqrt':
      return `√${grouped(parts.join(''))}`;
    case 'mroot':
      return `${grouped(second)}√${grouped(first)}`;
    case 'msub':
    case 'munder':
      return `${first}_${grouped(second)}`;
    case 'msup':
      return `${first}^${grouped(second)}`;
    case 'mover':
      return /^[¯ˉ^ˆ~˜→˙¨‾_]$/.test(second.trim()) ? first : `${first}^${grouped(second)}`;
    case 'msubsup':
    case 'munderover':
      return `${first}_${grouped(second)}^${grouped(third)}`;
    default:
      return parts.join('');
  }
}

function grouped(text: string): string {
  const trimmed = text.trim();
  return [...trimmed].length <= 1 || /^√?[\p{L}\p{N}.]+$|^\([^()]*\)$/u.test(trimmed)
    ? trimmed
    : `(${trimmed})`;
}
