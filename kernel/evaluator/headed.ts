/** Values that are shown under a line that says what they are: tensors, typed arrays, buffers. */
import { escapeHtml } from '../../src/display/html.js';

export type Headed = { 'text/plain': string; 'text/html': string };

export function headed(
  header: string,
  body?: string,
  bodyHtml = body === undefined ? '' : `<pre style="margin:0">${escapeHtml(body)}</pre>`,
): Headed {
  const head = `<div style="font-family:monospace;opacity:0.75">${escapeHtml(header)}</div>`;
  return {
    'text/plain': body === undefined ? header : `${header}\n${body}`,
    'text/html': `<div class="kernelbook-value" style="overflow-x:auto">${head}${bodyHtml}</div>`,
  };
}
