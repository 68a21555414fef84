/** Comm messages as they pass between the protocol worker and the user thread. */

export interface CommMessage {
  kind: 'open' | 'msg' | 'close';
  commId: string;
  /** Only with `open`. */
  target?: string;
  data: unknown;
  metadata: Record<string, unknown>;
  buffers: Uint8Array[];
}

/** Copies of exactly these bytes, with the memory to hand over to the other thread instead of copying once more. */
export function forTransfer(buffers: readonly Uint8Array[]): {
  buffers: Uint8Array<ArrayBuffer>[];
  transfer: ArrayBuffer[];
} {
  const copies = buffers.map((bytes) => new Uint8Array(bytes));
  return { buffers: copies, transfer: copies.map((copy) => copy.buffer) };
}
