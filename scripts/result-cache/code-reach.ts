/**
 * What a piece of TypeScript or JavaScript reaches beyond itself, read from its syntax: the modules it names, and why
 * what it depends on cannot be known from there, where that is so.
 */
import { isBuiltin } from 'node:module';
import { parseSync } from 'oxc-parser';

export interface CodeReach {
  /** Relative paths, packages, modules of Node that compute only. */
  modules: Set<string>;
  /** Files, the network, the environment, other processes, code that is found only when it runs. */
  unknown: string[];
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
  eval: 'runs code made while it runs (`eval`)',
};

/** What of `process` is the same for the same Node, or a time, which no run has twice. */
const innocent = [
  ['version', 'versions', 'release', 'platform', 'arch', 'hrtime', 'uptime', 'memoryUsage', 'cpuUsage'],
  ['resourceUsage', 'nextTick', 'stdout', 'stderr', 'emitWarning'],
].flat();

/** @param name that of a file, or what messages call the code */
export function codeReach(name: string, source: string): CodeReach {
  const reach: CodeReach = { modules: new Set(), unknown: [] };
  const lang = /\.d\.[cm]?ts$/.test(name) ? 'dts' : 'ts';
  const { program, errors } = parseSync(name, source, { lang, sourceType: 'module' });
  if (errors.length > 0) reach.unknown.push('has code that cannot be read');
  walk(program, reach);
  return reach;
}

function walk(node: object, reach: CodeReach): void {
  const fields = node as Fields;
  if (isInnocent(fields)) return;
  note(fields, reach);
  for (const [key, value] of Object.entries(fields)) {
    // `a.process` and `{ process: 1 }` are no uses of the global.
    if ((key === 'property' || key === 'key') && fields.computed === false) continue;
    if (typeof value !== 'object' || value === null) continue;
    for (const child of Array.isArray(value) ? value : [value])
      if (typeof child === 'object' && child !== null) walk(child, reach);
  }
}

function isInnocent({ type, object, property, computed }: Fields): boolean {
  if (type !== 'MemberExpression' || computed !== false) return false;
  const { name } = object as Fields;
  return name === 'process' && innocent.includes((property as { name: string }).name);
}

function note(node: Fields, reach: CodeReach): void {
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
      if (callee.type === 'Identifier' && callee.name === 'require') add(first, 'requires', reach);
      break;
    }
    case 'Identifier':
      if (Object.hasOwn(outside, node.name as string)) reach.unknown.push(outside[node.name as string]!);
  }
}

function add(given: unknown, verb: string, { modules, unknown }: CodeReach): void {
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
