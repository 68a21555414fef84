/** What to do about an error, where that can be said: which package to install and where, and what stands for a command of IPython. */
import { existsSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import ts from 'typescript';

/** Cannot find module. */
const missingModule = new Set([2307, 2792]);
/** Cannot find name, also with a suggestion. */
const missingName = new Set([2304, 2552, 2580, 2582]);

/** @param folder the notebook's */
export function withHint(item: ts.DiagnosticWithLocation, folder: string): ts.DiagnosticWithLocation {
  const hint = hintFor(item, folder);
  if (hint === undefined) return item;
  const message = ts.flattenDiagnosticMessageText(item.messageText, '\n');
  return { ...item, messageText: `${message}\n${hint}` };
}

function hintFor(
  { code, file, start, length }: ts.DiagnosticWithLocation,
  folder: string,
): string | undefined {
  const text = file.text.slice(start, start + length);
  if (missingModule.has(code)) {
    const name = /^["'`]((?:@[^/"'`]+\/)?[^./#@"'`][^/"'`]*)/.exec(text)?.[1];
    if (name === undefined || name.includes(':') || isBuiltin(name)) return undefined;
    return `Install it with \`npm install ${name}\` in ${projectOf(folder)}.`;
  }
  if (!missingName.has(code) || !isCommand(file.text, start, length)) return undefined;
  return shellAdvice(text);
}

/** Whether a line is `!ls` and nothing else, which is a negation in TypeScript. */
function isCommand(source: string, start: number, length: number): boolean {
  return (
    /(?:^|\n)[ \t]*!$/.test(source.slice(0, start)) &&
    /^[ \t]*;?[ \t]*(?:\r?\n|$)/.test(source.slice(start + length))
  );
}

export function shellAdvice(command: string): string {
  const quoted = JSON.stringify(command);
  return `To run a program: import { execSync } from 'node:child_process'; execSync(${quoted}, { stdio: 'inherit' })`;
}

/** What cells have instead of the commands of IPython that are used most. */
const instead: Record<string, string> = {
  time: "console.time('it'); …; console.timeEnd('it')",
  timeit: 'const start = performance.now(); …; performance.now() - start',
  cd: "process.chdir('folder')",
  pwd: 'process.cwd()',
  env: 'process.env',
  pip: "execSync('npm install name', { stdio: 'inherit' })",
  conda: "execSync('npm install name', { stdio: 'inherit' })",
  html: "display.html('<b>…</b>')",
  markdown: "display.markdown('…')",
  latex: "display.latex('$…$')",
  svg: "display.svg('<svg>…</svg>')",
  javascript: "widget({ esm: '…' })",
  bash: "execSync('…', { stdio: 'inherit' })",
  sh: "execSync('…', { stdio: 'inherit' })",
  who: 'completion lists the names',
  load: "readFileSync('file', 'utf8')",
  writefile: "writeFileSync('file', '…')",
  run: "await import('./file.ts')",
};

export function magicAdvice(magic: string): string {
  const found = instead[magic.replace(/^%+/, '').toLowerCase()];
  return found === undefined ? 'Cells hold TypeScript only.' : `Write ${found} instead.`;
}

/** Where npm would put a package: the nearest folder with a `package.json`, or the notebook's. */
function projectOf(folder: string): string {
  for (let place = folder; place !== dirname(place); place = dirname(place))
    if (existsSync(join(place, 'package.json'))) return place;
  return folder;
}
