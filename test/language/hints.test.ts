/** What a message says to do. */
import { expect, it } from 'vitest';
import { CheckerEngine } from '../../kernel/language/checker-engine.js';
import { check } from './support.js';

const engine = new CheckerEngine({ cwd: process.cwd() });

async function messageOf(code: string): Promise<string> {
  const result = await check(engine, code);
  return result.ok ? '' : result.diagnostics[0]!.message;
}

it.each([
  ['import _ from "lodash-of-nobody"', `npm install lodash-of-nobody\` in ${process.cwd()}.`],
  ['import { a } from "@nobody/core/deep"', 'npm install @nobody/core`'],
  ['!ls', 'execSync("ls", { stdio: \'inherit\' })'],
  ['const a = 1\n!pwd\n', 'execSync("pwd"'],
  ['!ls -la', 'execSync("ls -la"'],
  ['!git status', 'execSync("git status"'],
  ['%cd folder', "Write process.chdir('folder') instead."],
  ['%%time\n1 + 1', 'Write console.time('],
  ['%pip install x', 'npm install'],
  ['%matplotlib inline', 'Cells hold TypeScript only.'],
])('%s', async (code, advice) => {
  expect(await messageOf(code)).toContain(advice);
});

it.each([['import "./gone.js"'], ['nope'], ['const x = !nope']])('%s has none', async (code) => {
  expect(await messageOf(code)).not.toMatch(/npm install|execSync/);
});
