/** Words between ranks: names of parameters, how each was started, results to print. */
import type { Communicator } from './communicator/index.js';

/** What every rank gave, by rank; lengths may differ. All ranks must call it. */
export async function textsOfRanks(comm: Communicator, own: string): Promise<string[]> {
  const bytes = new TextEncoder().encode(own);
  const words = new Int32Array(1 + Math.ceil(bytes.length / 4));
  words[0] = bytes.length;
  new Uint8Array(words.buffer).set(bytes, 4);
  const all = await comm.allToAll(Array.from({ length: comm.size }, () => words));
  return all.map((one) => new TextDecoder().decode(new Uint8Array(one.buffer, one.byteOffset + 4, one[0])));
}
