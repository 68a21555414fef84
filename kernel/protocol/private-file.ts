/**
 * Reads the connection file, once, if nobody but its owner can have written it: who writes it chooses the key and
 * the ports, and so may run code in the kernel.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

const anyoneMayWrite = 0o002;
const groupMayWrite = 0o020;
const sizeLimit = 64 * 1024;

/** @throws Error that says what is wrong with the file and how to put it right */
export function readPrivateFile(path: string): string {
  // Opened first and looked at then: what was looked at is what is read. A pipe must not block the opening.
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stat = fstatSync(file);
    const { mode, uid, gid, size } = stat;
    if (!stat.isFile()) throw new Error('it is no regular file');
    if (size > sizeLimit) throw new Error(`it has ${size} bytes; a connection file has a few hundred`);
    const self = process.getuid?.(); // no such thing on Windows: its files belong to the user's profile
    if (self !== undefined) {
      if (uid !== self && uid !== 0)
        throw new Error(`it belongs to user ${uid}, the kernel runs as user ${self}: use a file of your own`);
      // Many systems give each user a group of one's own, with the same number, that may write all files.
      if (mode & anyoneMayWrite || (mode & groupMayWrite && gid !== uid)) {
        const octal = (mode & 0o777).toString(8);
        throw new Error(`others may write it (its mode is ${octal}); make it yours alone (chmod 600)`);
      }
    }
    return readFileSync(file, 'utf8');
  } finally {
    closeSync(file);
  }
}
