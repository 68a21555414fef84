/** The answer to a debugger's request: there is no debugger, said in the form that clients of debuggers read. */
import type { DebugRefusal, RawMessage } from '../protocol/messages.js';

export function debugRefusal({ content }: RawMessage): DebugRefusal {
  const { seq, command } = content as { seq?: unknown; command?: unknown };
  const text = 'this kernel has no debugger';
  return {
    status: 'error',
    ename: 'Unsupported',
    evalue: text,
    traceback: [`Unsupported: ${text}`],
    type: 'response',
    seq: 0,
    request_seq: typeof seq === 'number' ? seq : 0,
    command: typeof command === 'string' ? command : '',
    success: false,
    message: text,
  };
}
