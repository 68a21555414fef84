/**
 * Seeded malformed messages for the kernel's sockets. Signatures are made here with node:crypto, not by the code
 * under test.
 */
import { createHmac, randomUUID } from 'node:crypto';

export type Random = () => number;

/** Mulberry32: small, and the same on every machine. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const delimiter = Buffer.from('<IDS|MSG>');
export const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
export const whole = (random: Random, below: number): number => Math.floor(random() * below);

export function bytes(random: Random, atMost: number): Buffer {
  return Buffer.from(Array.from({ length: whole(random, atMost) }, () => whole(random, 256)));
}

function sign(key: string, parts: readonly Buffer[]): Buffer {
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part);
  return Buffer.from(hmac.digest('hex'));
}

const header = (type: string, id: string = randomUUID()): object => ({
  msg_id: id,
  session: 'fuzz',
  username: 'fuzz',
  date: '2026-01-01T00:00:00Z',
  msg_type: type,
  version: '5.4',
});
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const nested = (depth: number, open = '[', close = ']') =>
  Buffer.from(`{"a":${open.repeat(depth)}1${close.repeat(depth)}}`);

/** What must be dropped without an answer: not signed with the key, or not a message at all. */
export function unsigned(random: Random): Buffer[] {
  const parts = [json(header('kernel_info_request')), json({}), json({}), json({})];
  const good = sign('another key', parts);
  const kinds: (() => Buffer[])[] = [
    () => Array.from({ length: 1 + whole(random, 8) }, () => bytes(random, 200)),
    () => [delimiter],
    () => [delimiter, delimiter, delimiter],
    () => [delimiter, good],
    () => [delimiter, good, ...parts.slice(0, whole(random, 4))],
    () => [delimiter, good, ...parts],
    () => [delimiter, good.subarray(0, whole(random, 64)), ...parts],
    () => [delimiter, Buffer.alloc(0), ...parts],
    () => [delimiter, bytes(random, 100), ...parts],
    () => [delimiter, Buffer.from(good.toString().toUpperCase()), ...parts],
    () => [good, ...parts],
    () => [...parts, delimiter, good],
    () => [bytes(random, 300), delimiter, good, ...parts, bytes(random, 2_000)],
    () => [delimiter, good, ...Array.from({ length: 200 }, () => Buffer.from('{}'))],
    () => [delimiter, good, nested(20_000), ...parts.slice(1)],
  ];
  return pick(random, kinds)();
}

/** What is signed with the key, but no message: must be dropped too. */
export function malformed(random: Random, key: string): Buffer[] {
  const odd: (() => Buffer)[] = [
    () => bytes(random, 100),
    () => Buffer.from([0xff, 0xfe, 0x7b, 0x7d]),
    () => Buffer.from(pick(random, ['', ' ', '[]', 'null', '1e999', '"text"', '{', '{"a":}', '{}{}', 'NaN'])),
    () => nested(50_000).subarray(0, 60_000),
    () => Buffer.from('{"msg_type":{"a":1},"msg_id":[]}'),
  ];
  const parts = [json(header('kernel_info_request')), json({}), json({}), json({})];
  const at = whole(random, 4);
  parts[at] = pick(random, odd)();
  return [delimiter, sign(key, parts), ...parts];
}

const oddValues: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e308,
  Number.MAX_SAFE_INTEGER,
  '',
  'x',
  '\ud800',
  '\u0000',
  [],
  [[]],
  {},
  { a: { b: 1 } },
  '__proto__',
  '💥'.repeat(50),
];
const fields: Readonly<Record<string, readonly string[]>> = {
  execute_request: ['silent', 'store_history', 'user_expressions', 'allow_stdin', 'stop_on_error'],
  complete_request: ['code', 'cursor_pos'],
  inspect_request: ['code', 'cursor_pos', 'detail_level'],
  is_complete_request: ['code'],
  history_request: [
    'hist_access_type',
    'output',
    'raw',
    'session',
    'start',
    'stop',
    'n',
    'pattern',
    'unique',
  ],
  comm_info_request: ['target_name'],
  comm_open: ['comm_id', 'target_name', 'data'],
  comm_msg: ['comm_id', 'data'],
  comm_close: ['comm_id', 'data'],
  input_reply: ['value', 'status'],
  kernel_info_request: ['x'],
  connect_request: ['x'],
  interrupt_request: ['x'],
  debug_request: ['command', 'arguments'],
  create_subshell_request: ['subshell_id'],
  delete_subshell_request: ['subshell_id'],
  list_subshell_request: ['x'],
  nonsense_request: ['x'],
  __proto__request: ['x'],
  constructor: ['x'],
  kernel_info_reply: ['status'],
};
/** What costs more than microseconds is sent less often. */
const types = Object.keys(fields).flatMap((type) =>
  /^(execute|complete|inspect|is_complete|interrupt)/.test(type) ? [type] : Array<string>(6).fill(type),
);

/** Well formed and well signed, with fields of any type. Nothing in it ends the kernel or runs code. */
export function odd(random: Random, key: string): Buffer[] {
  const type = pick(random, types);
  const content: Record<string, unknown> = {};
  for (const field of fields[type] ?? []) if (random() < 0.8) content[field] = pick(random, oddValues);
  if (type === 'execute_request') content.code = pick(random, [1, null, [], {}, '', ' ']);
  const parts = [json({ ...header(type), ...(random() < 0.2 ? { session: pick(random, oddValues) } : {}) })];
  parts.push(random() < 0.2 ? json({ msg_id: pick(random, oddValues) }) : json({}));
  parts.push(random() < 0.2 ? json({ x: pick(random, oddValues) }) : json({}));
  parts.push(random() < 0.02 ? nested(5_000) : json(content));
  const buffers = random() < 0.1 ? [bytes(random, 1_000), Buffer.alloc(0)] : [];
  return [delimiter, sign(key, parts), ...parts, ...buffers];
}

/** A request that is in order, recognised by its id in the answer. */
export function question(id: string, key: string): Buffer[] {
  const parts = [json(header('kernel_info_request', id)), json({}), json({}), json({})];
  return [delimiter, sign(key, parts), ...parts];
}
