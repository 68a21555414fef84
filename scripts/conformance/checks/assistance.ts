/** Completion, inspection and history. */
import { type Bench, type Check, type CheckGroup, must, mustEqual } from '../check.js';
import type { Content } from '../probe.js';

async function completion({ probe, code, snippets }: Bench, prefix: string): Promise<void> {
  const text = prefix + code('completable');
  const cursor = [...text].length; // code points
  const { content } = await probe.request('shell', 'complete', { code: text, cursor_pos: cursor });
  mustEqual(content.status, 'ok', 'status');
  const matches = content.matches as string[];
  must(Array.isArray(matches) && matches.length > 0, 'no matches');
  const wanted = code('completion');
  must(
    matches.some((match) => match === wanted || match.endsWith(`.${wanted}`)),
    `${wanted} is not among the matches ${JSON.stringify(matches.slice(0, 4))}`,
  );
  mustEqual(content.cursor_end, cursor, 'cursor_end');
  // A kernel may replace the whole expression (`Math.max`) or its last name; never text before the expression.
  const start = Number(content.cursor_start);
  const replaced = [...text].slice(start, cursor).join('');
  must(
    start <= cursor - snippets.completed && !/[^\w.]/.test(replaced),
    `cursor_start ${start} would replace ${JSON.stringify(replaced)}`,
  );
  must(
    matches.some((match) => match.startsWith(replaced)),
    `cursor_start ${start} replaces ${JSON.stringify(replaced)} by ${JSON.stringify(matches[0])}`,
  );
}

const complete: Check = {
  name: 'complete offers names and counts its cursors in code points, behind emoji too',
  section: 'Completion; cursor_pos and unicode (5.2)',
  run: (bench) => completion(bench, ''),
};

const completeLines: Check = {
  name: 'complete counts in code points over several lines',
  section: 'Completion; cursor_pos and unicode (5.2)',
  run: (bench) => completion(bench, '"🎉";\n"é😀";\n'),
};

const completeNothing: Check = {
  name: 'complete of an empty cell is answered ok',
  section: 'Completion',
  async run({ probe }) {
    const { content } = await probe.request('shell', 'complete', { code: '', cursor_pos: 0 });
    mustEqual(content.status, 'ok', 'status');
    must(Array.isArray(content.matches), 'matches is not a list');
  },
};

function inspect({ probe }: Bench, code: string, level: 0 | 1): Promise<{ content: Content }> {
  const cursor = [...code].length;
  return probe.request('shell', 'inspect', { code, cursor_pos: cursor, detail_level: level });
}

const inspectFound = (level: 0 | 1): Check => ({
  name: `inspect with detail_level ${level} tells about a known name`,
  section: 'Introspection',
  async run(bench) {
    const { content } = await inspect(bench, bench.code('inspectable'), level);
    mustEqual(content.status, 'ok', 'status');
    mustEqual(content.found, true, 'found');
    const text = JSON.stringify(content.data);
    must(text.includes(bench.code('documented')), `it says only ${text.slice(0, 80)}`);
  },
});

const inspectUnknown: Check = {
  name: 'inspect of an unknown name is ok and found = false',
  section: 'Introspection',
  async run(bench) {
    const { content } = await inspect(bench, bench.code('unknown'), 0);
    mustEqual(content.status, 'ok', 'status');
    mustEqual(content.found, false, 'found');
    mustEqual(content.data, {}, 'data');
  },
};

/** Runs three cells that nothing else contains; returns their codes and their counts. */
async function remembered({ probe, code }: Bench): Promise<{ codes: string[]; counts: number[] }> {
  const mark = Math.floor(1e8 + Math.random() * 9e8);
  const codes = [1, 2, 3].map((number) => `${code('value')} + ${mark} + ${number}`);
  const counts = [];
  for (const one of codes) counts.push(Number((await probe.execute(one)).content.execution_count));
  return { codes, counts };
}

async function history({ probe }: Bench, request: Content): Promise<unknown[]> {
  const { content } = await probe.request('shell', 'history', { output: false, raw: true, ...request });
  mustEqual(content.status, 'ok', 'status');
  must(Array.isArray(content.history), 'history is not a list');
  return content.history;
}

const inputs = (entries: unknown[]) => entries.map((entry) => (entry as unknown[])[2]);

const tail: Check = {
  name: 'history: the tail',
  section: 'History',
  async run(bench) {
    const { codes } = await remembered(bench);
    const found = await history(bench, { hist_access_type: 'tail', n: 2 });
    mustEqual(inputs(found), codes.slice(1), 'the last two inputs');
  },
};

const range: Check = {
  name: 'history: a range of this session, its end left out',
  section: 'History',
  async run(bench) {
    const { codes, counts } = await remembered(bench);
    const request = { hist_access_type: 'range', session: 0, start: counts[0], stop: counts[2] };
    const found = await history(bench, request);
    mustEqual(inputs(found), codes.slice(0, 2), 'the inputs');
    const lines = found.map((entry) => (entry as unknown[])[1]);
    mustEqual(lines, counts.slice(0, 2), 'their line numbers');
  },
};

const search: Check = {
  name: 'history: a search by pattern',
  section: 'History',
  async run(bench) {
    const { codes } = await remembered(bench);
    const pattern = `*${codes[1]!.slice(-12)}`;
    const found = await history(bench, { hist_access_type: 'search', pattern, n: 5 });
    mustEqual(inputs(found), [codes[1]], 'the inputs');
  },
};

const withOutput: Check = {
  name: 'history: input and output where output is asked for',
  section: 'History',
  async run(bench) {
    const { codes } = await remembered(bench);
    const found = await history(bench, { hist_access_type: 'tail', n: 1, output: true });
    const pair = (found[0] as unknown[] | undefined)?.[2];
    must(Array.isArray(pair) && pair.length === 2, `the entry is ${JSON.stringify(found[0])}`);
    mustEqual(pair[0], codes[2], 'the input');
  },
};

export const assistance: CheckGroup = {
  title: 'assistance and history',
  checks: [
    complete,
    completeLines,
    completeNothing,
    inspectFound(0),
    inspectFound(1),
    inspectUnknown,
    tail,
    range,
    search,
    withOutput,
  ],
};
