/**
 * Terminal text as HTML: colours and styles of the ANSI escape sequences (ECMA-48 SGR, with the 256-colour and
 * 24-bit extensions), and carriage returns as a terminal shows them. All other sequences are dropped.
 */
import { escapeHtml } from '../../src/display/html.js';

interface Style {
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
  inverse: boolean;
  /** A class for one of the 16 colours of the theme, or a CSS colour. */
  foreground: string | undefined;
  background: string | undefined;
}

const plain: Style = {
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  inverse: false,
  foreground: undefined,
  background: undefined,
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are made of control characters
const sequence = /\u001b(?:\[([0-9;:]*)([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

export function ansiToHtml(text: string): string {
  const shown = overwriteLines(text);
  let style = plain;
  let html = '';
  let from = 0;
  for (const match of shown.matchAll(sequence)) {
    html += span(shown.slice(from, match.index), style);
    if (match[2] === 'm') style = applyCodes(style, match[1] ?? '');
    from = match.index + match[0].length;
  }
  return html + span(shown.slice(from), style);
}

/** Without colours, for search and for attributes. */
export function stripAnsi(text: string): string {
  return overwriteLines(text).replace(sequence, '');
}

/** A lone carriage return starts the line over: of a progress bar the last state stays. */
function overwriteLines(text: string): string {
  if (!text.includes('\r')) return text;
  return text
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => line.replace(/\r+$/, '').split('\r').at(-1) ?? '')
    .join('\n');
}

function applyCodes(before: Style, codes: string): Style {
  let style = { ...before };
  const numbers = codes.split(/[;:]/).map((code) => (code === '' ? 0 : Number(code)));
  for (let i = 0; i < numbers.length; i++) {
    const code = numbers[i]!;
    if (code === 0) style = { ...plain };
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.underline = true;
    else if (code === 7) style.inverse = true;
    else if (code === 22) style = { ...style, bold: false, dim: false };
    else if (code === 23) style.italic = false;
    else if (code === 24) style.underline = false;
    else if (code === 27) style.inverse = false;
    else if (code === 39) style.foreground = undefined;
    else if (code === 49) style.background = undefined;
    else if (code >= 30 && code <= 37) style.foreground = `ansi-${code - 30}`;
    else if (code >= 90 && code <= 97) style.foreground = `ansi-${code - 90 + 8}`;
    else if (code >= 40 && code <= 47) style.background = `ansi-${code - 40}`;
    else if (code >= 100 && code <= 107) style.background = `ansi-${code - 100 + 8}`;
    else if (code === 38 || code === 48) {
      const long = numbers[i + 1] === 2;
      const colour = long ? rgb(numbers.slice(i + 2, i + 5)) : indexed(numbers[i + 2]);
      if (code === 38) style.foreground = colour;
      else style.background = colour;
      i += long ? 4 : 2;
    }
  }
  return style;
}

function rgb(channels: number[]): string | undefined {
  return channels.length === 3 && channels.every((one) => one >= 0 && one <= 255)
    ? `rgb(${channels.join(' ')})`
    : undefined;
}

/** The 256 colours: the 16 of the theme, a 6x6x6 cube, and 24 greys. */
function indexed(index: number | undefined): string | undefined {
  if (index === undefined || !(index >= 0 && index <= 255)) return undefined;
  if (index < 16) return `ansi-${index}`;
  if (index >= 232) return rgb(Array(3).fill(8 + 10 * (index - 232)) as number[]);
  const level = (step: number) => (step === 0 ? 0 : 55 + 40 * step);
  const cube = index - 16;
  return rgb([level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)]);
}

function span(text: string, style: Style): string {
  if (text === '') return '';
  const { bold, dim, italic, underline, inverse } = style;
  const foreground = inverse ? style.background : style.foreground;
  const background = inverse ? style.foreground : style.background;
  const classes = [
    bold && 'ansi-bold',
    dim && 'ansi-dim',
    italic && 'ansi-italic',
    underline && 'ansi-underline',
    inverse && !foreground && !background && 'ansi-inverse',
    foreground?.startsWith('ansi-') && foreground,
    background?.startsWith('ansi-') && `${background}-bg`,
  ].filter(Boolean);
  const css = [
    foreground && !foreground.startsWith('ansi-') && `color:${foreground}`,
    background && !background.startsWith('ansi-') && `background:${background}`,
  ].filter(Boolean);
  if (classes.length === 0 && css.length === 0) return escapeHtml(text);
  const attributes = `${classes.length ? ` class="${classes.join(' ')}"` : ''}${css.length ? ` style="${css.join(';')}"` : ''}`;
  return `<span${attributes}>${escapeHtml(text)}</span>`;
}
