/** Asks the front end of a cell for a line of input over the stdin channel, one question at a time. */
import type { CellOrigin } from './outlet.js';
import { type Header, parentId, type RawMessage } from './protocol/messages.js';
import type { KernelSockets } from './protocol/sockets.js';

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
    this.#questions.push(question);
    if (this.#questions.length === 1) this.#send();
  }

  /** Takes an `input_reply`. One that answers an older question (of an interrupted cell) is ignored. */
  onReply(message: RawMessage): void {
    const question = this.#questions[0];
    const { value } = message.content as { value?: unknown };
    const answered = parentId(message); // some clients leave it out
    if (!question?.header || (answered !== undefined && answered !== question.header.msg_id)) return;
    this.#questions.shift();
    question.answer(typeof value === 'string' ? value : '');
    this.#send();
  }

  /** Forgets all questions: their cell was interrupted. */
  cancel(): void {
    this.#questions.length = 0;
  }

  #send(): void {
    const question = this.#questions[0];
    if (!question) return;
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
