/** What an engine gives to its communicators: messages between ranks of the world, agreement on calls, and who waits. */
import type { Numbers } from './communicator.js';

export interface Transport {
  /** Sends a copy. `key` tells apart the operations between the same two ranks. */
  post(to: number, key: string, data: Numbers): void;
  /** The next message of that rank under this key. */
  take(from: number, key: string): Promise<Numbers>;
  /**
   * Says which collective this rank begins. @param key of the communicator and the count of its calls
   * @throws CommunicationError when another rank began something else under it
   */
  agree(key: string, call: string, members: readonly number[]): void;
  /** The rank can do nothing else until this promise settles. @param what it waits in, for whom */
  blocked<T>(what: () => string, promise: Promise<T>): Promise<T>;
}
