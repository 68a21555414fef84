/**
 * What a piece of TypeScript or JavaScript reaches beyond itself, read from its syntax: the modules it names, and why
 * what it depends on cannot be known from there, where that is so.
 */
import { isBuiltin } from 'node:module';
import { parseSync } from 'oxc-parser';

export interface CodeReach {
  /** Relative paths, packages, modules of Node that compute only. */
  readonly modules: ReadonlySet<string>;
  /** Files, the network, the environment, other processes, code that is found only when it runs. */
  readonly unknown: readonly string[];
}

interface Reach extends CodeReach {
  readonly modules: Set<string>;
  readonly unknown: string[];
}

type Fields = Record<string, unknown>;

/** Modules of Node whose results depend on nothing but what they are given. */
const computing = new Set(
  [
    ['assert', 'async_hooks', 'buffer', 'console', 'constants', 'crypto', 'diagnostics_channel', 'events'],
    ['path', 'perf_hooks', 'punycode', 'querystring', 'stream', 'string_decoder', 'timers', 'url', 'util'],
    ['zlib'],
  ].flat(),
);

/** Globals that bring in what is outside; a local variable of that name counts as well, which costs a run at most. */
const outside: Record<string, string> = {
  process: 'uses `process`',
  fetch: 'uses the network (`fetch`)',
  WebSocket: 'uses the network (`WebSocket`)',
  EventSource: 'uses the network (`EventSource`)',
  localStorage: 'uses `localStorage`',
  eval: 'runs code made while it runs (`eval`)',
  // Where they are used in a way that shows what of them is used, that is looked at instead.
  require: 'uses `require` for more than it names',
  globalThis: 'uses `globalThis` as a whole',
  global: 'uses `global` as a whole',
};

/** What of `process` is the same for the same Node, or a time, which no run has twice. */
const innocent = [
  ['version', 'versions', 'release', 'platform', 'arch', 'hrtime', 'uptime', 'memoryUsage', 'cpuUsage'],
  ['resourceUsage', 'nextTick', 'stdout', 'stderr', 'emitWarning'],
].flat();

/** A run asks three times for each cell: for its mark, before it runs and after. */
const known = new Map<string, CodeReach>();
const mostKnown = 2_000;

/** @param name that of a file, or what messages call the code */
export function codeReach(name: string, source: string): CodeReach {
  const lang = /\.d\.[cm]?ts$/.test(name) ? 'dts' : 'ts';
  const key = `${lang} ${source}`;
  const reach = known.get(key) ?? readReach(name, source, lang);
  if (known.size >= mostKnown) known.clear();
  known.set(key, reach);
  return reach;
}

function readReach(name: string, source: string, lang: 'ts' | 'dts'): CodeReach {
  const reach: Reach = { modules: new Set(), unknown: [] };
  const { program, errors } = parseSync(name, source, { lang, sourceType: 'module' });
  if (errors.length > 0) reach.unknown.push('has code that cannot be read');
  walk(program, reach);
  return reach;
}

function walk(node: object, reach: Reach): void {
  const fields = node as Fields;
  if (fields.type === 'MemberExpression' && fields.computed === false && isSeenThrough(fields, reach)) return;
  note(fields, reach);
  for (const [key, value] of Object.entries(fields)) {
    // `a.process` and `{ process: 1 }` are no uses of the global.
    if ((key === 'property' || key === 'key') && fields.computed === false) continue;
    if (key === 'callee' && (value as Fields).name === 'require') continue;
    if (typeof value !== 'object' || value === null) continue;
    for (const child of Array.isArray(value) ? value : [value])
      if (typeof child === 'object' && child !== null) walk(child, reach);
  }
}

/** Whether it is known of `object.property` what it reaches; that is noted. */
function isSeenThrough({ object, property }: Fields, reach: Reach): boolean {
  const { name: whole } = object as Fields;
  const { name } = property as { name: string };
  if (whole === 'globalThis' || whole === 'global') {
    note(property as Fields, reach);
    return true;
  }
  return (whole === 'process' && innocent.includes(name)) || (whole === 'require' && name === 'resolve');
}

function note(node: Fields, reach: Reach): void {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      if (node.source) add(node.source, 'imports', reach);
      break;
    case 'TSExternalModuleReference':
      add(node.expression, 'imports', reach);
      break;
    case 'CallExpression': {
      const { callee, arguments: [first] = [] } = node as { callee: Fields; arguments?: unknown[] };
      if (callee.name === 'require') add(first, 'requires', reach);
      break;
    }
    case 'Identifier':
      if (Object.hasOwn(outside, node.name as string)) reach.unknown.push(outside[node.name as string]!);
  }
}

function add(given: unknown, verb: string, { modules, unknown }: Reach): void {
  const specifier = constantText(given);
  if (specifier === undefined) {
    unknown.push(`${verb} what only the run names`);
    return;
  }
  const [name] = specifier.replace(/^node:/, '').split('/');
  if (!isBuiltin(specifier)) modules.add(specifier);
  else if (!computing.has(name!)) unknown.push(`${verb} ${specifier}, which reaches outside the notebook`);
}

function constantText(node: unknown): string | undefined {
  const { type, value, quasis } = (node ?? {}) as { type?: string; value?: unknown; quasis?: Fields[] };
  if (type === 'Literal' && typeof value === 'string') return value;
  if (type !== 'TemplateLiteral' || quasis?.length !== 1) return undefined;
  return (quasis[0]!.value as { cooked: string }).cooked;
}
