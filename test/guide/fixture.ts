/** A notebook with every kind of content a guide shows, and hostile content that it must not. */
import type { Cell, CodeCell, Notebook, Output } from '../../scripts/notebook/format.js';
import { plot } from '../../src/workbench/plot/index.js';
import { Verification } from '../../src/workbench/verify/verification.js';

export const markdown = (id: string, source: string): Cell => ({
  cell_type: 'markdown',
  id,
  metadata: {},
  source,
});

export const code = (id: string, source: string, outputs: Output[] = [], ...tags: string[]): CodeCell => ({
  cell_type: 'code',
  id,
  metadata: { tags },
  source,
  execution_count: 1,
  outputs,
});

export const shown = (data: Record<string, unknown>): Output => ({
  output_type: 'display_data',
  data,
  metadata: {},
});

export const notebook = (...cells: Cell[]): Notebook => ({
  nbformat: 4,
  nbformat_minor: 5,
  metadata: {
    kernelspec: { name: 'kernelbook', display_name: 'TypeScript', language: 'typescript' },
    kernelbook: { commit: '0123456789ab' },
  },
  cells,
});

const check = (name: string, passed: boolean) =>
  new Verification({ kind: 'relation', name, passed, detail: 'seen' }).toMimeBundle();

const figure = plot.line([{ name: 'loss / 损失', y: [4, 2, 1] }], { title: 'Loss / 损失', xLabel: 'step' });

/** Fails in one check; has all forms of outputs. */
export async function sample(): Promise<Notebook> {
  const bundle = await figure.toMimeBundle();
  return notebook(
    markdown(
      'front',
      '# Rotary positions / 旋转位置\n\n<div lang="en">\n\nThe angle is $\\theta_i$, and it costs \\$5.\n\n</div>\n\n<div lang="zh">\n\n角度为 $\\theta_i$。\n\n</div>\n\n[next](other.ipynb#second-topic)',
    ),
    code('parameters', 'let steps: number = 3;', [], 'parameters'),
    markdown(
      'why',
      '## 1. Why rotate? / 为什么旋转？\n\n$$\\begin{pmatrix} a \\\\ b \\end{pmatrix}$$\n\n| a | b |\n|---|---|\n| $x$ | 2 |',
    ),
    code('figure', 'plot.line(losses);', [shown(bundle)]),
    code('device', 'await useBackend();', [
      shown({
        'text/plain': 'webgpu on llvmpipe',
        'application/vnd.kernelbook.backend+json': { name: 'webgpu', device: 'llvmpipe', hardware: false },
      }),
    ]),
    code('checks', 'verify();', [shown(check('rope.half', true)), shown(check('rope.interleaved', false))]),
    code(
      'mistake',
      'rope(odd);',
      [
        {
          output_type: 'error',
          ename: 'RangeError',
          evalue: 'D = 3 <is> odd',
          traceback: ['\u001b[31mRangeError\u001b[39m'],
        },
      ],
      'raises-exception',
    ),
    code('streams', "console.log('x')", [
      { output_type: 'stream', name: 'stdout', text: '10%\r100%\n\u001b[1;32mdone\u001b[0m <b>\n' },
      { output_type: 'stream', name: 'stderr', text: 'careful\n' },
    ]),
    markdown(
      'follow',
      '### Follow-ups / 追问\n\n<details>\n<summary>Why is $D$ even?</summary>\n\nPairs: $2 \\mid D$.\n\n</details>',
    ),
  );
}
