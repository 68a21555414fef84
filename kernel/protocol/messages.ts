/**
 * The messages of the Jupyter messaging protocol as one discriminated union over `type` (the header's msg_type).
 * Source: the messaging specification of jupyter_client; version as in `protocolVersion`.
 */

/**
 * What this implementation speaks: 5.5 = code-point cursors (5.2), interrupt by message (5.3), shutdown and interrupt on
 * the control channel (5.4), iopub_welcome, optional features and subshells (5.5).
 */
export const protocolVersion = '5.5';

export interface Header {
  msg_id: string;
  session: string;
  username: string;
  date: string;
  msg_type: string;
  version: string;
  /** The subshell that a request on shell is for; absent or null: the main shell. */
  subshell_id?: string | null;
}

export type MimeData = Record<string, unknown>;
export type Metadata = Record<string, unknown>;

/** The status fields every reply carries; `aborted` is what a queued request gets when an earlier one failed. */
export interface ErrorStatus {
  status: 'error';
  ename: string;
  evalue: string;
  traceback: string[];
}
export interface AbortedStatus {
  status: 'aborted';
}
export type Reply<Ok> = ({ status: 'ok' } & Ok) | ErrorStatus | AbortedStatus;

export interface ExecuteRequest {
  code: string;
  silent: boolean;
  store_history: boolean;
  user_expressions: Record<string, string>;
  allow_stdin: boolean;
  stop_on_error: boolean;
}

export type UserExpression = { status: 'ok'; data: MimeData; metadata: Metadata } | ErrorStatus;

/** `execution_count` is present in every status but `aborted`. */
export type ExecuteReply =
  | {
      status: 'ok';
      execution_count: number;
      user_expressions: Record<string, UserExpression>;
      payload: Record<string, unknown>[];
    }
  | (ErrorStatus & { execution_count: number })
  | AbortedStatus;

export interface LanguageInfo {
  name: string;
  version: string;
  mimetype: string;
  file_extension: string;
  pygments_lexer?: string;
  codemirror_mode?: string | Record<string, unknown>;
  nbconvert_exporter?: string;
}

export interface KernelInfo {
  protocol_version: string;
  implementation: string;
  implementation_version: string;
  language_info: LanguageInfo;
  banner: string;
  help_links?: { text: string; url: string }[];
  /** Deprecated by `supported_features`, but still what older clients look at. */
  debugger?: boolean;
  supported_features?: string[];
}

export interface CompletionType {
  start: number;
  end: number;
  text: string;
  type: string;
  signature?: string;
}

/** Cursor positions count Unicode code points, not UTF-16 units. */
export interface CompleteResult {
  matches: string[];
  cursor_start: number;
  cursor_end: number;
  metadata: Metadata & { _jupyter_types_experimental?: CompletionType[] };
}

export interface HistoryRequest {
  output: boolean;
  raw: boolean;
  hist_access_type: 'range' | 'tail' | 'search';
  session?: number;
  start?: number;
  stop?: number | null;
  n?: number | null;
  pattern?: string;
  unique?: boolean;
}

/** (session, line number, input) or, where outputs were asked for, (session, line number, [input, output]). */
export type HistoryEntry = [number, number, string | [string, string | null]];

/** The answer to a debugger's request where there is none: a reply of status error and of the debug adapter protocol. */
export interface DebugRefusal extends ErrorStatus {
  type: 'response';
  seq: number;
  request_seq: number;
  command: string;
  success: false;
  message: string;
}

export interface ContentMap {
  execute_request: ExecuteRequest;
  execute_reply: ExecuteReply;
  inspect_request: { code: string; cursor_pos: number; detail_level: 0 | 1 };
  inspect_reply: Reply<{ found: boolean; data: MimeData; metadata: Metadata }>;
  complete_request: { code: string; cursor_pos: number };
  complete_reply: Reply<CompleteResult>;
  history_request: HistoryRequest;
  history_reply: Reply<{ history: HistoryEntry[] }>;
  is_complete_request: { code: string };
  is_complete_reply: { status: 'complete' | 'incomplete' | 'invalid' | 'unknown'; indent?: string };
  comm_info_request: { target_name?: string };
  comm_info_reply: Reply<{ comms: Record<string, { target_name: string }> }>;
  kernel_info_request: Record<string, never>;
  kernel_info_reply: Reply<KernelInfo>;
  connect_request: Record<string, never>;
  connect_reply: Reply<Record<`${'shell' | 'iopub' | 'stdin' | 'hb' | 'control'}_port`, number>>;
  shutdown_request: { restart: boolean };
  shutdown_reply: Reply<{ restart: boolean }>;
  interrupt_request: Record<string, never>;
  interrupt_reply: Reply<Record<never, never>>;
  create_subshell_request: Record<string, never>;
  create_subshell_reply: Reply<{ subshell_id: string }>;
  delete_subshell_request: { subshell_id: string };
  delete_subshell_reply: Reply<Record<never, never>>;
  list_subshell_request: Record<string, never>;
  list_subshell_reply: Reply<{ subshell_id: string[] }>;
  debug_request: Record<string, unknown>;
  debug_reply: DebugRefusal;

  status: { execution_state: 'starting' | 'busy' | 'idle' | 'restarting' | 'dead' };
  execute_input: { code: string; execution_count: number };
  execute_result: { execution_count: number; data: MimeData; metadata: Metadata; transient?: Metadata };
  stream: { name: 'stdout' | 'stderr'; text: string };
  display_data: { data: MimeData; metadata: Metadata; transient?: { display_id?: string } };
  update_display_data: { data: MimeData; metadata: Metadata; transient: { display_id: string } };
  clear_output: { wait: boolean };
  error: { ename: string; evalue: string; traceback: string[] };
  iopub_welcome: { subscription: string };

  comm_open: { comm_id: string; target_name: string; data: unknown };
  comm_msg: { comm_id: string; data: unknown };
  comm_close: { comm_id: string; data: unknown };

  input_request: { prompt: string; password: boolean };
  input_reply: { status?: string; value: string };
}

export type MessageType = keyof ContentMap;

interface Envelope<T extends string, C> {
  type: T;
  header: Header;
  /** The header of the message that caused this one; `{}` where there is none. */
  parent: Header | Record<string, never>;
  metadata: Metadata;
  content: C;
  /** The JSON of a content that is parsed when it is looked at. */
  contentFrame?: Uint8Array;
  buffers: Uint8Array[];
}

/** A message of one of the types the specification names. */
export type Message<T extends MessageType = MessageType> = { [K in T]: Envelope<K, ContentMap[K]> }[T];

/** A well-formed message of any type, content not looked at yet. */
export type RawMessage = Envelope<string, object>;

export type OutputType =
  | 'stream'
  | 'display_data'
  | 'update_display_data'
  | 'execute_result'
  | 'error'
  | 'clear_output';
export type OutputMessage = Message<OutputType>;

const outputTypes: ReadonlySet<string> = new Set<OutputType>([
  'stream',
  'display_data',
  'update_display_data',
  'execute_result',
  'error',
  'clear_output',
]);

/**
 * Narrows a message to a type by name. The content is what the sender says it is: good enough for messages of a
 * kernel we started ourselves; requests from outside go through `request.ts`.
 */
export function isType<T extends MessageType>(message: RawMessage, type: T): message is Message<T> {
  return message.type === type;
}

export function isOutput(message: RawMessage): message is OutputMessage {
  return outputTypes.has(message.type);
}

export function parentId(message: RawMessage): string | undefined {
  const id = (message.parent as Partial<Header>).msg_id;
  return typeof id === 'string' ? id : undefined;
}
