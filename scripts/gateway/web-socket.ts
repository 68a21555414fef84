/**
 * Node's web socket for JupyterLab's client: names our token in a header, as the REST calls do, and survives a message
 * that the client cannot take, which it throws into the event loop.
 */
import WebSocket from 'ws';

type Listener = WebSocket['onmessage'];
type Constructor = new (address: string | URL, protocols?: string | string[]) => WebSocket;

/** @param onError told why a connection failed: JupyterLab's client does not say */
export function webSocketWith(token: string, onError: (reason: string) => void): Constructor {
  const headers = token === '' ? {} : { Authorization: `token ${token}` };
  return class extends WebSocket {
    constructor(address: string | URL, protocols?: string | string[]) {
      super(address, protocols, { headers });
      this.on('error', (error) => onError(error.message));
      const assign = Object.getOwnPropertyDescriptor(WebSocket.prototype, 'onmessage')!.set!;
      Object.defineProperty(this, 'onmessage', {
        set: (listener: Listener) => assign.call(this, listener && guarded(listener)),
      });
    }
  };
}

/** One bad message must not end the run: the same is told of it as of one that comes without a server. */
function guarded(listener: NonNullable<Listener>): Listener {
  return (event) => {
    try {
      listener(event);
    } catch (error) {
      process.emitWarning(`message of a kernel dropped: ${(error as Error).message}`);
    }
  };
}
