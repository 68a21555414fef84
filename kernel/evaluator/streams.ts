/** Takes over what JavaScript writes to stdout and stderr (console.* writes there too). */
import { StringDecoder } from 'node:string_decoder';

type Name = 'stdout' | 'stderr';
type Callback = (error?: Error | null) => void;

interface Blocking {
  _handle?: { setBlocking?(blocking: boolean): void };
}

export function captureStreams(emit: (name: Name, text: string) => void): void {
  // The stream has made the pipe answer "try again" where it is full: to programs that share it that is an error.
  (process.stdout as Blocking)._handle?.setBlocking?.(true);
  for (const name of ['stdout', 'stderr'] as const) {
    // A character may be split over two writes of bytes.
    const decoder = new StringDecoder('utf8');
    process[name].write = (
      chunk: string | Uint8Array,
      encodingOrDone?: BufferEncoding | Callback,
      done?: Callback,
    ): boolean => {
      const bytes =
        typeof chunk !== 'string'
          ? chunk
          : typeof encodingOrDone === 'string' && !/^utf-?8$/i.test(encodingOrDone)
            ? Buffer.from(chunk, encodingOrDone)
            : undefined;
      const text = bytes ? decoder.write(Buffer.from(bytes)) : (chunk as string);
      if (text !== '') emit(name, text);
      const callback = typeof encodingOrDone === 'function' ? encodingOrDone : done;
      if (callback) process.nextTick(callback);
      return true;
    };
  }
}
