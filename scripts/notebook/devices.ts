/** What an executed notebook computed on, read back from the outputs that name their backend and device. */
import { isObject, type Notebook } from './format.js';

/** Each backend and device once, in order: "webgpu on llvmpipe, no GPU". */
export function notebookDevices(notebook: Notebook): string[] {
  const devices = new Set<string>();
  for (const cell of notebook.cells) {
    if (cell.cell_type !== 'code') continue;
    for (const output of cell.outputs) {
      if (!('data' in output)) continue;
      for (const [mime, value] of Object.entries(output.data)) {
        if (!mime.startsWith('application/vnd.kernelbook.') || !isObject(value)) continue;
        const { name, device, hardware } = isObject(value.backend) ? value.backend : value;
        if (typeof name !== 'string' || typeof device !== 'string' || typeof hardware !== 'boolean') continue;
        devices.add(`${name} on ${device}${hardware ? '' : ', no GPU'}`);
      }
    }
  }
  return [...devices];
}
