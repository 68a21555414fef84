/**
 * What the algorithms stand on: messages between the ranks of one operation. A message is a copy: what is sent may be changed at
 * once. Messages from one rank to another arrive in the order in which they were sent.
 */
import type { Numbers } from './communicator.js';

export interface Channel {
  readonly rank: number;
  readonly size: number;
  send(to: number, data: Numbers): void;
  /** The next message of that rank, in an array of its own. */
  receive(from: number): Promise<Numbers>;
}
