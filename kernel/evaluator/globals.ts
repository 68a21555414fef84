/** What cells find without importing it: `display`, `clearOutput`, `input`, `require`, `comms`, `widget`. Their types are in
 * `language/compiler-options.ts` and `language/comm-globals.ts`.  */
import {
  type CurrentCell,
  currentCellKey,
  type DisplayOptions,
  display,
  publisherKey,
} from '../../src/display/display.js';
import type { CommRegistry } from '../comms/registry.js';
import type { WidgetOptions } from '../comms/widget.js';
import { Widgets } from '../comms/widgets.js';

export interface CellGlobals {
  publish(value: unknown, options?: DisplayOptions): Promise<void>;
  currentCell(): CurrentCell | undefined;
  input(prompt: string, password: boolean): Promise<string>;
  clearOutput(wait: boolean): void;
  require: NodeJS.Require;
  comms: CommRegistry;
}

export function installGlobals(globals: CellGlobals): void {
  const { publish, currentCell, input, clearOutput, require, comms } = globals;
  const widgets = new Widgets(comms);
  const values: [PropertyKey, unknown][] = [
    [publisherKey, publish],
    [currentCellKey, currentCell],
    ['display', display],
    [
      'input',
      (prompt = '', options: { password?: boolean } = {}) => input(String(prompt), options.password === true),
    ],
    ['clearOutput', (wait = false) => clearOutput(Boolean(wait))],
    ['require', require],
    ['comms', { register: comms.register.bind(comms), open: comms.open.bind(comms) }],
    // Declared as what may be undefined; without it, the name alone would be an error.
    ...('gc' in globalThis ? [] : [['gc', undefined] as [string, undefined]]),
    ['widget', (options: WidgetOptions) => widgets.make(options)],
  ];
  for (const [key, value] of values) {
    Object.defineProperty(globalThis, key, { value, writable: true, configurable: true, enumerable: false });
  }
}
