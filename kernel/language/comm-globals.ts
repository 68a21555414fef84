/** Declares the global `comms` and the function `widget` of cells (`kernel/comms`) for the checker. */
export const commGlobals = `
interface CellCommMessage {
  data: unknown;
  metadata: Record<string, unknown>;
  buffers: Uint8Array[];
}
interface CellCommOptions {
  metadata?: Record<string, unknown>;
  buffers?: readonly (ArrayBuffer | ArrayBufferView)[];
}
/** A line between a cell and code in the front end. */
interface CellComm {
  readonly id: string;
  readonly target: string;
  readonly closed: boolean;
  /** Sends data (whatever JSON can hold) and binary buffers to the front end. */
  send(data: unknown, options?: CellCommOptions): void;
  /** Ends the comm on both sides. */
  close(data?: unknown, options?: CellCommOptions): void;
  /** Calls \`listener\` for every message from the front end. Returns what takes it off again. */
  onMessage(listener: (message: CellCommMessage) => unknown): () => void;
  /** Calls \`listener\` when the front end closes the comm. Returns what takes it off again. */
  onClose(listener: (message: CellCommMessage) => unknown): () => void;
}
declare const comms: {
  /** Says what happens when the front end opens a comm for \`target\`. Returns what takes the handler off again. */
  register(target: string, handler: (comm: CellComm, opening: CellCommMessage) => unknown): () => void;
  /** Opens a comm to code that the front end has registered under \`target\`. */
  open(target: string, data?: unknown, options?: CellCommOptions): CellComm;
};
interface CellWidget<State extends object> {
  /** The id under which the front end knows the widget. */
  readonly id: string;
  /** The live state: reads what the front end set last, and an assignment is sent to it. */
  readonly state: State;
  /** Changes some of the state at once. */
  set(changes: Partial<State>): void;
  /** Calls \`listener\` when a key changes, from whichever side. Returns what takes it off again. */
  on<Key extends keyof State & string>(
    event: \`change:\${Key}\`,
    listener: (value: State[Key], previous: State[Key]) => unknown,
  ): () => void;
  /** Calls \`listener\` with all that changed at once. */
  on(event: 'change', listener: (changes: Partial<State>) => unknown): () => void;
  /** Calls \`listener\` for each \`model.send\` of the front end. */
  on(event: 'msg:custom', listener: (content: unknown, buffers: Uint8Array[]) => unknown): () => void;
  /** Sends a custom message: \`model.on('msg:custom', …)\` in the front end. */
  send(content: unknown, buffers?: readonly (ArrayBuffer | ArrayBufferView)[]): void;
  /** Ends the widget in the front end. */
  close(): void;
  toMimeBundle(): Record<string, unknown>;
}
/**
 * Makes a widget of a JavaScript module (\`esm\`) in the front end; needs the JupyterLab extension \`anywidget\` (pip install anywidget).
 * Show it as the result of a cell or with \`display\`.
 */
declare function widget<State extends object = Record<string, never>>(options: {
  /** The text of an ES module, or its address, whose default export has \`render({ model, el })\`. */
  esm: string;
  css?: string;
  /** Whatever JSON can hold, and typed arrays. */
  state?: State;
}): CellWidget<State>;
`;
