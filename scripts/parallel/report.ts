/** What `kernelbook parallel run` prints at its end: bytes sent per rank and kind, and the last step as it was measured. */
import { textTable } from '../../src/display/html.js';
import type { RankResult } from './rank-program.js';

const columns = 100;

export function runReport(results: readonly RankResult[]): string {
  return [
    '',
    'Bytes sent by each rank, in all steps:',
    '',
    bytesTable(results),
    '',
    timelineText(results),
  ].join('\n');
}

export function bytesTable(results: readonly RankResult[]): string {
  const kinds = new Map<string, [purpose: string, kind: string]>();
  for (const { sentBytes } of results)
    for (const [purpose, own] of Object.entries(sentBytes))
      for (const [kind, bytes] of Object.entries(own))
        if (bytes > 0) kinds.set(`${purpose}: ${kind}`, [purpose, kind]);
  const names = [...kinds.keys()].sort();
  const of = ({ sentBytes }: RankResult, name: string) => {
    const [purpose, kind] = kinds.get(name)!;
    return sentBytes[purpose]?.[kind] ?? 0;
  };
  const rows = results.map((result) => {
    const own = names.map((name) => of(result, name));
    const all = own.reduce((sum, bytes) => sum + bytes, 0);
    return [String(result.rank), ...own.map((bytes) => bytes.toLocaleString('en')), all.toLocaleString('en')];
  });
  return textTable({ head: ['rank', ...names, 'together'], rows });
}

/** A line per rank: F, B, I, W where a pipeline computes, ~ where only messages are under way, · where neither. */
export function timelineText(results: readonly RankResult[]): string {
  const all = results.flatMap(({ actions, operations }) => [...actions, ...operations]);
  if (all.length === 0) return 'one rank sends nothing: there is no timeline';
  const start = Math.min(...all.map((event) => event.start));
  const span = Math.max(...all.map((event) => event.end)) - start || 1;
  const column = (time: number) => Math.min(columns - 1, Math.floor(((time - start) / span) * columns));
  const lines = results.map(({ rank, actions, operations }) => {
    const line = Array.from({ length: columns }, () => '·');
    for (const event of operations) line.fill('~', column(event.start), column(event.end) + 1);
    for (const event of actions) line.fill(event.kind, column(event.start), column(event.end) + 1);
    return `rank ${rank}  ${line.join('')}`;
  });
  const kept = results.flatMap(({ peakLive }) => (peakLive === undefined ? [] : [peakLive]));
  return [
    `The last step as measured, ${span.toFixed(0)} ms; ${
      kept.length > 0 ? 'F, B, I, W: passes of a stage; ' : ''
    }~: messages:`,
    '',
    ...lines,
    ...(kept.length > 0 ? ['', `chunks of activations kept at most: ${kept.join(' ')}`] : []),
  ].join('\n');
}

/** The last step in the form of chrome://tracing and Perfetto: a line per rank for actions, and one for operations. */
export function chromeTrace(results: readonly RankResult[]): object {
  const traceEvents = results.flatMap(({ rank, actions, operations }) => [
    ...actions.map(({ kind, stage, microBatch, start, end }) =>
      complete(rank, 0, `${stage}${kind}${microBatch}`, start, end, {}),
    ),
    ...operations.map(({ kind, communicator, bytes, start, end }) =>
      complete(rank, 1, kind, start, end, { communicator, bytes }),
    ),
  ]);
  return { traceEvents, displayTimeUnit: 'ms' };
}

function complete(pid: number, tid: number, name: string, start: number, end: number, args: object): object {
  return { ph: 'X', pid, tid, name, ts: start * 1000, dur: (end - start) * 1000, args };
}
