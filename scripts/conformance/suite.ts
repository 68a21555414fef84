/** All checks in the order in which they run; those over the whole run come last. */
import type { CheckGroup } from './check.js';
import { assistance } from './checks/assistance.js';
import { concurrency } from './checks/concurrency.js';
import { extras } from './checks/extras.js';
import { interrupts } from './checks/interrupt.js';
import { messages } from './checks/messages.js';
import { outputs } from './checks/outputs.js';
import { requests } from './checks/requests.js';
import { robustness } from './checks/robustness.js';
import { subshells } from './checks/subshells.js';

export const suite: readonly CheckGroup[] = [
  requests,
  outputs,
  assistance,
  extras,
  concurrency,
  subshells,
  interrupts,
  robustness,
  messages,
];
