/** What the kernel is to reach, as it was agreed before it was built, and whether this run shows it. */
import { ownName } from '../../../kernel/kernelspec.js';
import type { KernelFigures } from './bench-kernel.js';
import type { FigureId } from './measures.js';

export interface Target {
  title: string;
  /** Undefined where a kernel it compares with was not measured. */
  met: boolean | undefined;
  /** The figures behind the verdict. */
  why: string;
}

export function targets(kernels: readonly KernelFigures[]): Target[] {
  const value = (kernel: string, id: FigureId): number | undefined => {
    const outcome = kernels.find((one) => one.kernel === kernel)?.figures[id];
    return outcome && 'median' in outcome ? outcome.median : undefined;
  };
  const atMost = (title: string, id: FigureId, limit: number, unit = ' ms'): Target => {
    const own = value(ownName, id);
    if (own === undefined) return { title, met: false, why: 'no figure' };
    return { title, met: own <= limit, why: `${own.toFixed(2)}${unit}` };
  };
  const against = (title: string, id: FigureId, peer: string, factor: number): Target => {
    const own = value(ownName, id);
    const other = value(peer, id);
    if (own === undefined) return { title, met: false, why: 'no figure' };
    if (other === undefined) return { title, met: undefined, why: `no figure of ${peer}` };
    const limit = other * factor;
    return { title, met: own <= limit, why: `${own.toFixed(2)} ms, the limit is ${limit.toFixed(2)} ms` };
  };
  return [
    against('start to first result at most 1.3 × Deno', 'start', 'deno', 1.3),
    against('declaring cell at most 1.5 × Deno', 'declaring', 'deno', 1.5),
    { ...atMost('type errors caught', 'typeError', 1, ''), met: value(ownName, 'typeError') === 1 },
    against('tensor cell at most a fifth of tslab', 'tensor', 'tslab', 1 / 5),
    atMost('completion at most 10 ms while a cell awaits', 'completionAwaiting', 10),
    atMost('completion at most 10 ms while a cell loops', 'completionLooping', 10),
    atMost('20,000 lines at most 100 ms, all of them', 'lines', 100),
    atMost('4 MiB at most 50 ms', 'block', 50),
    atMost('a late cell at most 1.5 × an early one', 'growth', 1.5, ' ×'),
  ];
}
