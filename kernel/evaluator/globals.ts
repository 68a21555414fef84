/** What cells find without importing it: `display`, `clearOutput`, `input`, `require`. Their types are in `language/compiler-options.ts`. */
import { type DisplayOptions, publisherKey } from '../../src/display.js';

export interface CellGlobals {
  publish(value: unknown, options?: DisplayOptions): Promise<void>;
  input(prompt: string, password: boolean): Promise<string>;
  clearOutput(wait: boolean): void;
  require: NodeJS.Require;
}

export function installGlobals({ publish, input, clearOutput, require }: CellGlobals): void {
  const values: [PropertyKey, unknown][] = [
    [publisherKey, publish],
    ['display', publish],
    [
      'input',
      (prompt = '', options: { password?: boolean } = {}) => input(String(prompt), options.password === true),
    ],
    ['clearOutput', (wait = false) => clearOutput(Boolean(wait))],
    ['require', require],
  ];
  for (const [key, value] of values) {
    Object.defineProperty(globalThis, key, { value, writable: true, configurable: true, enumerable: false });
  }
}
