/**
 * Requests from outside: checks the content of each request the kernel serves, fills in the defaults of the
 * specification, and throws `RequestError` naming the field that does not fit.
 */
import type { ContentMap, HistoryRequest, RawMessage } from './messages.js';

export class RequestError extends Error {
  override name = 'RequestError';
}

class Fields {
  readonly #content: Record<string, unknown>;

  constructor(readonly message: RawMessage) {
    this.#content = message.content as Record<string, unknown>;
  }

  string(name: string, fallback?: string): string {
    return this.#get(name, 'a string', (value) => typeof value === 'string', fallback) as string;
  }

  boolean(name: string, fallback: boolean): boolean {
    return this.#get(name, 'true or false', (value) => typeof value === 'boolean', fallback) as boolean;
  }

  count(name: string, fallback?: number): number {
    const fits = (value: unknown) => Number.isInteger(value) && (value as number) >= 0;
    return this.#get(name, 'a whole number >= 0', fits, fallback) as number;
  }

  integer(name: string, fallback?: number): number {
    return this.#get(name, 'a whole number', Number.isInteger, fallback) as number;
  }

  has(name: string): boolean {
    return this.#content[name] !== undefined && this.#content[name] !== null;
  }

  stringMap(name: string): Record<string, string> {
    const fits = (value: unknown) =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.values(value).every((item) => typeof item === 'string');
    return this.#get(name, 'an object of strings', fits, {}) as Record<string, string>;
  }

  #get(name: string, expected: string, fits: (value: unknown) => boolean, fallback: unknown): unknown {
    const value = this.#content[name] ?? fallback;
    if (value === undefined || !fits(value))
      throw new RequestError(
        `${this.message.type}: ${name} must be ${expected}, it is ${JSON.stringify(value) ?? 'missing'}`,
      );
    return value;
  }
}

export function executeRequest(message: RawMessage): ContentMap['execute_request'] {
  const fields = new Fields(message);
  const silent = fields.boolean('silent', false);
  return {
    code: fields.string('code'),
    silent,
    store_history: !silent && fields.boolean('store_history', true),
    user_expressions: fields.stringMap('user_expressions'),
    allow_stdin: fields.boolean('allow_stdin', false),
    stop_on_error: fields.boolean('stop_on_error', true),
  };
}

export function completeRequest(message: RawMessage): ContentMap['complete_request'] {
  const fields = new Fields(message);
  const code = fields.string('code');
  return { code, cursor_pos: fields.count('cursor_pos', code.length) };
}

export function inspectRequest(message: RawMessage): ContentMap['inspect_request'] {
  const fields = new Fields(message);
  const code = fields.string('code');
  return {
    code,
    cursor_pos: fields.count('cursor_pos', code.length),
    detail_level: fields.integer('detail_level', 0) >= 1 ? 1 : 0,
  };
}

export function isCompleteRequest(message: RawMessage): ContentMap['is_complete_request'] {
  return { code: new Fields(message).string('code') };
}

export function historyRequest(message: RawMessage): HistoryRequest {
  const fields = new Fields(message);
  const access = fields.string('hist_access_type', 'tail');
  const common = { output: fields.boolean('output', false), raw: fields.boolean('raw', true) };
  const n = fields.has('n') ? fields.count('n') : undefined;
  switch (access) {
    case 'tail':
      return { ...common, hist_access_type: access, n };
    case 'search':
      return {
        ...common,
        hist_access_type: access,
        n,
        pattern: fields.string('pattern', '*'),
        unique: fields.boolean('unique', false),
      };
    case 'range':
      return {
        ...common,
        hist_access_type: access,
        session: fields.integer('session', 0),
        start: fields.integer('start', 1),
        stop: fields.has('stop') ? fields.integer('stop') : undefined,
      };
    default:
      throw new RequestError(
        `history_request: hist_access_type must be "range", "tail" or "search", it is ${JSON.stringify(access)}`,
      );
  }
}

export function shutdownRequest(message: RawMessage): ContentMap['shutdown_request'] {
  return { restart: new Fields(message).boolean('restart', false) };
}

export function deleteSubshellRequest(message: RawMessage): ContentMap['delete_subshell_request'] {
  return { subshell_id: new Fields(message).string('subshell_id') };
}

export function commInfoRequest(message: RawMessage): ContentMap['comm_info_request'] {
  const fields = new Fields(message);
  return fields.has('target_name') ? { target_name: fields.string('target_name') } : {};
}

export function commOpen(message: RawMessage): ContentMap['comm_open'] {
  return { ...commMessage(message), target_name: new Fields(message).string('target_name') };
}

/** comm_msg and comm_close have the same fields. */
export function commMessage(message: RawMessage): ContentMap['comm_msg' | 'comm_close'] {
  const { data = {} } = message.content as { data?: unknown };
  return { comm_id: new Fields(message).string('comm_id'), data };
}
