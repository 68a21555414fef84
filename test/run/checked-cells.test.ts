/** What the check before a run leaves for its kernels: with it they need no engine's process, and nothing of it stays. */
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { skipNote } from '../support/requires.js';
import { textOf, Workplace } from './helpers.js';

let place: Workplace;
let runtime: string;
beforeAll(async () => {
  place = await Workplace.create();
  runtime = place.path('runtime');
});
afterAll(() => place.remove());

const env = () => ({ JUPYTER_RUNTIME_DIR: runtime });
/** How many processes the kernel has started, and what its environment says of checked cells. */
const look = [
  "import { processesUnder } from './processes.mjs';",
  'console.log(processesUnder(process.pid), Object.keys(process.env).filter((name) => /CHECKED/.test(name)).length);',
].join('\n');
const canLook = existsSync(`/proc/self/task/${process.pid}/children`);
const note = canLook ? '' : ` ${skipNote('/proc', 'the system does not tell the children of a process')}`;

it.runIf(canLook)(
  `kernels whose notebooks were checked start no engine, and cells see nothing of that${note}`,
  async () => {
    await place.write(
      'processes.mjs',
      `import { readdirSync, readFileSync } from 'node:fs';
      export const processesUnder = (pid) => readdirSync('/proc/' + pid + '/task').flatMap((task) =>
        readFileSync('/proc/' + pid + '/task/' + task + '/children', 'utf8').split(' ').filter(Boolean)).length;`,
    );
    await place.notebook('checked.ipynb', 'kernelbook', ['const a: number = 1;', look]);
    const { status, stderr } = await place.kernelbook(['run', 'checked.ipynb'], undefined, { env: env() });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(textOf((await place.executed('checked.ipynb'))[1]!.outputs)).toBe('0 0\n');
    await place.kernelbook(['run', '--no-check', 'checked.ipynb'], undefined, { env: env() });
    // Where there is no start-up snapshot yet, one is being built as well.
    expect(textOf((await place.executed('checked.ipynb'))[1]!.outputs)).toMatch(/^[12] 0\n$/);
  },
);

it('a cell that meets another file than the one that was checked is checked again', async () => {
  await place.write('helper.ts', 'export const rate: number = 1;');
  await place.notebook('changing.ipynb', 'kernelbook', [
    "import { writeFileSync } from 'node:fs';\nwriteFileSync('helper.ts', 'export const rate: string = \"one\";');",
    'const before = 1;',
    "import { rate } from './helper.ts';\nrate.toFixed() + before;",
  ]);
  const { status, stderr } = await place.kernelbook(['run', 'changing.ipynb'], undefined, { env: env() });
  expect(stderr).toContain("Property 'toFixed' does not exist on type 'string'");
  expect(status).toBe(6);
});

it('nothing is left in the folder of connection files, also of a run that was killed', async () => {
  const left = 'kernelbook-cells-999999999-abc123';
  await mkdir(place.path('runtime', left), { recursive: true });
  await place.notebook('short.ipynb', 'kernelbook', ['1 + 1']);
  await place.kernelbook(['run', 'short.ipynb'], undefined, { env: env() });
  await place.notebook('wrong.ipynb', 'kernelbook', ['const n: number = "s";']);
  await place.kernelbook(['run', 'wrong.ipynb'], undefined, { env: env() });
  expect(await readdir(runtime)).toEqual([]);
});
