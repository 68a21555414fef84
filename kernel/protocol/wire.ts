/**
 * The wire format of the Jupyter protocol: ZeroMQ frames
 * [identity..., '<IDS|MSG>', HMAC-SHA256 hex, header, parent, metadata, content, buffer...].
 * Decoding checks the signature in constant time, refuses replays, and throws `WireError` for anything malformed.
 */
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { userInfo } from 'node:os';
import {
  type ContentMap,
  type Header,
  type Message,
  type MessageType,
  type Metadata,
  protocolVersion,
  type RawMessage,
} from './messages.js';

const delimiter = Buffer.from('<IDS|MSG>');
/** How many signatures are remembered against replay; the oldest are forgotten first. */
const replayWindow = 65_536;
/** Headers are echoed in every answer: what is nested deeper could be read but not written again. */
const headerDepth = 8;

export class WireError extends Error {
  override name = 'WireError';
}

export interface Decoded {
  identities: Uint8Array[];
  message: RawMessage;
}

/** What goes on the wire of a message. */
export type Encodable = Pick<RawMessage, 'header' | 'parent' | 'metadata' | 'content' | 'buffers'>;

export interface MessageOptions {
  parent?: Header | Record<string, never>;
  metadata?: Metadata;
  buffers?: Uint8Array[];
  /** The subshell that a request is for. */
  subshell?: string;
}

/** One end of a connection: makes, signs and checks messages under the connection's key. */
export class Session {
  readonly id = randomUUID();
  readonly username = userName();
  readonly #key: string;
  readonly #seen = new Set<string>();
  #sent = 0;

  /** An empty key turns signing off, as the specification says. */
  constructor(key: string) {
    this.#key = key;
  }

  make<T extends MessageType>(type: T, content: ContentMap[T], options: MessageOptions = {}): Message<T> {
    const message = {
      type,
      header: {
        msg_id: `${this.id}_${++this.#sent}`,
        session: this.id,
        username: this.username,
        date: new Date().toISOString(),
        msg_type: type,
        version: protocolVersion,
        ...(options.subshell === undefined ? {} : { subshell_id: options.subshell }),
      },
      parent: options.parent ?? {},
      metadata: options.metadata ?? {},
      content,
      buffers: options.buffers ?? [],
    };
    return message as unknown as Message<T>;
  }

  encode<M extends Encodable>(message: M, identities: readonly (Uint8Array | string)[] = []): Buffer[] {
    const parts = [message.header, message.parent, message.metadata, message.content].map((part) =>
      Buffer.from(JSON.stringify(part)),
    );
    return [
      ...identities.map((identity) =>
        typeof identity === 'string' ? Buffer.from(identity) : asBuffer(identity),
      ),
      delimiter,
      Buffer.from(this.#sign(parts)),
      ...parts,
      ...message.buffers.map(asBuffer),
    ];
  }

  /** @param lazy leaves the content unparsed until it is looked at; a content that is not JSON throws only then */
  decode(frames: readonly Uint8Array[], { lazy = false }: { lazy?: boolean } = {}): Decoded {
    const at = frames.findIndex((frame) => delimiter.equals(frame));
    if (at < 0) throw new WireError(`no <IDS|MSG> delimiter in ${frames.length} frames`);
    const [signature, ...rest] = frames.slice(at + 1);
    const parts = rest.slice(0, 4);
    if (signature === undefined || parts.length < 4)
      throw new WireError(`${frames.length - at - 1} frames after the delimiter, at least 5 are needed`);
    this.#verify(signature, parts);
    const [header, parent, metadata] = parts.slice(0, 3).map(parseObject) as [Rec, Rec, Rec];
    const content = parts[3]!;
    const message = {
      type: requireHeader(header).msg_type,
      header: header as unknown as Header,
      parent: parent as unknown as Header,
      metadata,
      buffers: rest.slice(4),
    };
    return {
      identities: frames.slice(0, at),
      message: lazy ? withLazyContent(message, content) : { ...message, content: parseObject(content, 3) },
    };
  }

  #sign(parts: readonly Uint8Array[]): string {
    if (this.#key === '') return '';
    const hmac = createHmac('sha256', this.#key);
    for (const part of parts) hmac.update(part);
    return hmac.digest('hex');
  }

  #verify(signature: Uint8Array, parts: readonly Uint8Array[]): void {
    if (this.#key === '') return;
    const expected = Buffer.from(this.#sign(parts));
    if (signature.length !== expected.length || !timingSafeEqual(signature, expected))
      throw new WireError('the signature does not match the message');
    const text = expected.toString();
    if (this.#seen.has(text)) throw new WireError('a message with this signature was received before');
    this.#seen.add(text);
    if (this.#seen.size > replayWindow) {
      for (const oldest of this.#seen) {
        this.#seen.delete(oldest);
        break;
      }
    }
  }
}

type Rec = Record<string, unknown>;
const partNames = ['header', 'parent header', 'metadata', 'content'];

function parseObject(part: Uint8Array, index: number): Rec {
  let value: unknown;
  try {
    value = JSON.parse(asBuffer(part).toString('utf8'));
  } catch {
    throw new WireError(`the ${partNames[index]} is not JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new WireError(`the ${partNames[index]} is not a JSON object`);
  return value as Rec;
}

function withLazyContent(message: Omit<RawMessage, 'content'>, frame: Uint8Array): RawMessage {
  let content: Rec | undefined;
  return Object.defineProperty({ ...message, contentFrame: frame }, 'content', {
    enumerable: true,
    get: () => {
      content ??= parseObject(frame, 3);
      return content;
    },
  }) as RawMessage;
}

function requireHeader(header: Rec): { msg_type: string; msg_id: string } {
  const { msg_type, msg_id } = header;
  if (typeof msg_type !== 'string' || typeof msg_id !== 'string')
    throw new WireError('the header lacks msg_type or msg_id');
  if (isDeeper(header, headerDepth)) throw new WireError('the header is nested too deeply');
  return { msg_type, msg_id };
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return depth === 0 || Object.values(value).some((item) => isDeeper(item, depth - 1));
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'user'; // no passwd entry, as in some containers
  }
}
