/** What went wrong while a page was made, without stopping it: a formula KaTeX refuses, an image that is not there. */
export interface Problems {
  add(message: string): void;
}

export class ProblemList implements Problems {
  readonly messages: string[] = [];
  /** Prefix of the messages: which notebook and cell is being worked on. */
  where = '';

  add(message: string): void {
    this.messages.push(this.where ? `${this.where}: ${message}` : message);
  }
}
