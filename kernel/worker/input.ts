/** Asks the front end of a cell for a line of input over the stdin channel, one question of a cell at a time. */

import { type Header, parentId, type RawMessage } from '../protocol/messages.js';
import type { KernelSockets } from '../protocol/sockets.js';
import type { CellOrigin } from './outlet.js';

interface Question {
  origin: CellOrigin;
  prompt: string;
  password: boolean;
  answer(value: string): void;
  header?: Header;
}

export class InputDesk {
  readonly #questions: Question[] = [];

  constructor(readonly sockets: KernelSockets) {}

  ask(question: Question): void {
    const isFirst = !this.#questions.some(({ origin }) => origin === question.origin);
    this.#questions.push(question);
    if (isFirst) this.#send(question);
  }

  /** Takes an `input_reply`. One that answers an older question (of an interrupted cell) is ignored. */
  onReply(message: RawMessage): void {
    const { value } = message.content as { value?: unknown };
    const answered = parentId(message); // some clients leave it out
    const index = this.#questions.findIndex(
      ({ header }) => header && (answered === undefined || answered === header.msg_id),
    );
    const [question] = index < 0 ? [] : this.#questions.splice(index, 1);
    if (!question) return;
    question.answer(typeof value === 'string' ? value : '');
    const next = this.#questions.find(({ origin }) => origin === question.origin);
    if (next) this.#send(next);
  }

  /** Forgets all questions: their cells were interrupted. */
  cancel(): void {
    this.#questions.length = 0;
  }

  #send(question: Question): void {
    const { origin, prompt, password } = question;
    const message = this.sockets.session.make(
      'input_request',
      { prompt, password },
      { parent: origin.request.header },
    );
    question.header = message.header;
    this.sockets.send('stdin', message, origin.identities);
  }
}
