/**
 * The required fields of every message a kernel may send, and their types, as the messaging specification has them.
 * Extra fields are allowed: the specification lets kernels add them.
 */
import { parentId, type RawMessage } from '../../kernel/protocol/messages.js';
import type { Received } from './probe.js';

type FieldCheck = (value: unknown) => boolean;
type Shape = Record<string, FieldCheck>;

const text: FieldCheck = (value) => typeof value === 'string';
const flag: FieldCheck = (value) => typeof value === 'boolean';
const count: FieldCheck = (value) => Number.isInteger(value) && (value as number) >= 0;
const record: FieldCheck = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf =
  (item: FieldCheck): FieldCheck =>
  (value) =>
    Array.isArray(value) && value.every(item);
const oneOf =
  (...allowed: unknown[]): FieldCheck =>
  (value) =>
    allowed.includes(value);
const optional =
  (check: FieldCheck): FieldCheck =>
  (value) =>
    value === undefined || check(value);
const mime: FieldCheck = (value) =>
  record(value) && Object.keys(value as object).every((type) => /^[^/\s]+\/[^/\s]+$/.test(type));
const displayId: FieldCheck = (value) => record(value) && text((value as { display_id: unknown }).display_id);
const expression: FieldCheck = (value) => {
  if (!record(value)) return false;
  const { status, data, metadata, ename, evalue, traceback } = value as Record<string, unknown>;
  return status === 'ok'
    ? mime(data) && record(metadata)
    : status === 'error' && text(ename) && text(evalue) && listOf(text)(traceback);
};
const language: FieldCheck = (value) =>
  record(value) &&
  ['name', 'version', 'mimetype', 'file_extension'].every((field) =>
    text((value as Record<string, unknown>)[field]),
  );

const failure: Shape = { ename: text, evalue: text, traceback: listOf(text) };
const ok = (shape: Shape): Shape => ({ status: oneOf('ok'), ...shape });

const replies: Record<string, Shape> = {
  kernel_info_reply: ok({
    protocol_version: text,
    implementation: text,
    implementation_version: text,
    language_info: language,
    banner: text,
    help_links: optional(listOf(record)),
    supported_features: optional(listOf(text)),
  }),
  execute_reply: ok({
    execution_count: count,
    user_expressions: optional((value) => record(value) && Object.values(value as object).every(expression)),
    payload: optional(listOf(record)),
  }),
  inspect_reply: ok({ found: flag, data: mime, metadata: record }),
  complete_reply: ok({ matches: listOf(text), cursor_start: count, cursor_end: count, metadata: record }),
  history_reply: ok({ history: listOf((entry) => Array.isArray(entry) && entry.length === 3) }),
  is_complete_reply: {
    status: oneOf('complete', 'incomplete', 'invalid', 'unknown'),
    indent: optional(text),
  },
  comm_info_reply: ok({ comms: record }),
  interrupt_reply: ok({}),
  shutdown_reply: ok({ restart: flag }),
  create_subshell_reply: ok({ subshell_id: text }),
  delete_subshell_reply: ok({}),
  list_subshell_reply: ok({ subshell_id: listOf(text) }),
};

const published: Record<string, Shape> = {
  status: { execution_state: oneOf('busy', 'idle', 'starting', 'restarting', 'dead') },
  execute_input: { code: text, execution_count: count },
  execute_result: { execution_count: count, data: mime, metadata: record, transient: optional(record) },
  display_data: { data: mime, metadata: record, transient: optional(record) },
  update_display_data: { data: mime, metadata: record, transient: displayId },
  stream: { name: oneOf('stdout', 'stderr'), text },
  clear_output: { wait: flag },
  error: failure,
  iopub_welcome: { subscription: text },
  comm_open: { comm_id: text, target_name: text, data: record },
  comm_msg: { comm_id: text, data: record },
  comm_close: { comm_id: text, data: record },
  // Other clients of the kernel learn of its end here.
  shutdown_reply: { restart: flag },
};

const asked: Record<string, Shape> = { input_request: { prompt: text, password: flag } };

/** The complaints about one received message; empty when it is as specified. */
export function contentComplaints({ channel, message, broken }: Received): string[] {
  if (!message) return [`frames on ${channel} that are no message: ${broken}`];
  const known = channel === 'iopub' ? published : channel === 'stdin' ? asked : replies;
  // A request that the specification does not know may be answered too, by an error.
  const specified = known[message.type] ?? (isErrorReply(message) ? failure : undefined);
  if (!specified) return [`${message.type} does not belong on ${channel}`];
  const content = message.content as Record<string, unknown>;
  return fieldComplaints(message.type, content, shapeFor(message.type, content, specified));
}

function isErrorReply({ type, content }: RawMessage): boolean {
  return (
    type.endsWith('_reply') && !(type in published) && (content as { status?: unknown }).status === 'error'
  );
}

/** A reply of status error or aborted has other fields than one of status ok. */
function shapeFor(type: string, content: Record<string, unknown>, specified: Shape): Shape {
  if (!type.endsWith('_reply')) return specified;
  if (content.status === 'error')
    return type === 'execute_reply' ? { ...failure, execution_count: count } : failure;
  return content.status === 'aborted' ? {} : specified;
}

function fieldComplaints(type: string, content: Record<string, unknown>, shape: Shape): string[] {
  return Object.entries(shape)
    .filter(([field, check]) => !check(content[field]))
    .map(([field]) => {
      const value = field in content ? JSON.stringify(content[field])?.slice(0, 60) : 'absent';
      return `${type}.${field} is ${value}`;
    });
}

/** The complaints about header and parent of one message. */
export function headerComplaints({ channel, message }: Received): string[] {
  if (!message) return [];
  const header = message.header as unknown as Record<string, unknown>;
  const complaints = ['msg_id', 'session', 'username', 'date', 'msg_type', 'version']
    .filter((field) => typeof header[field] !== 'string')
    .map((field) => `${message.type} on ${channel}: no header.${field}`);
  if (typeof header.date === 'string' && Number.isNaN(Date.parse(header.date)))
    complaints.push(`${message.type} on ${channel}: header.date is ${header.date}`);
  if (needsParent(channel, message) && parentId(message) === undefined)
    complaints.push(`${message.type} on ${channel}: no parent`);
  return complaints;
}

/** What nobody asked for has no parent: the welcome, the status at the start. */
function needsParent(channel: Received['channel'], { type, content }: RawMessage): boolean {
  if (channel !== 'iopub') return true;
  if (type === 'status')
    return ['busy', 'idle'].includes((content as { execution_state: string }).execution_state);
  return ['execute_input', 'execute_result', 'error'].includes(type);
}

/** The messages whose id another message of the same kernel had before. One message reaches many clients. */
export function duplicateIds(transcript: readonly Received[]): string[] {
  const types = new Map<string, string>();
  const complaints = new Set<string>();
  for (const { message } of transcript) {
    if (!message) continue;
    const { msg_id: id, date } = message.header;
    const same = `${message.type} ${date} ${JSON.stringify(message.content).slice(0, 200)}`;
    const before = types.get(id);
    if (before !== undefined && before !== same) complaints.add(`a msg_id of ${message.type} is not unique`);
    types.set(id, same);
  }
  return [...complaints];
}

/** Each complaint once, with how often it was made, the most frequent first. */
export function tally(complaints: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const complaint of complaints) counts.set(complaint, (counts.get(complaint) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).map(([text, times]) => `${text} (${times} ×)`);
}
