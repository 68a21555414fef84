/**
 * Keeps the file of a running notebook up to date: after every cell, and every few seconds within a long one. The
 * first save that fails stops the run; the file then is the last one that could be written.
 */
import { relative } from 'node:path';
import type { Notebook } from '../notebook/format.js';
import { KeptTexts } from '../notebook/kept-texts.js';
import { removeAbandoned, type WriteOptions, writeNotebook } from '../notebook/write.js';
import { type Cause, SaveFailure } from './limits/stop-reasons.js';

type Write = (path: string, notebook: Notebook, options: WriteOptions, texts: KeptTexts) => Promise<void>;

/** How often what a running cell shows is saved. */
const intervalMs = 3_000;
/** A save that takes longer than this is not repeated until ten times as long has passed: large notebooks. */
const cheapMs = 200;
const patience = 10;

/** Saves a notebook of which nothing runs (any more). Returns why that failed, where it did. */
export async function saveOnce(path: string, notebook: Notebook): Promise<Cause | undefined> {
  try {
    await writeNotebook(path, notebook, { durable: true });
    return undefined;
  } catch (error) {
    const held = () => 'a file that was there before is as it was';
    return new SaveFailure(relative(process.cwd(), path), error, held).describe();
  }
}

export class NotebookSaver {
  #failure: SaveFailure | undefined;
  #saved = false;
  #changed = false;
  #saving: Promise<void> = Promise.resolve();
  #notBefore = 0;
  #timer: NodeJS.Timeout | undefined;
  #cells = 0;
  #savedCells: number | undefined;
  readonly #texts = new KeptTexts();

  /** Called before each save, for what is kept elsewhere while the notebook runs. */
  beforeSave: () => void = () => {};

  /**
   * @param onFailure called once, with the first failure
   * @param write replaced in tests
   */
  constructor(
    readonly path: string,
    readonly notebook: Notebook,
    readonly onFailure: (failure: SaveFailure) => void,
    readonly write: Write = writeNotebook,
  ) {}

  get failure(): SaveFailure | undefined {
    return this.#failure;
  }

  /** Whether the last save succeeded. */
  get saved(): boolean {
    return this.#saved;
  }

  /** The first save; then what `changed` announces is saved now and then. */
  async open(): Promise<void> {
    await removeAbandoned(this.path);
    await this.#save();
    this.#timer = setInterval(() => {
      if (this.#changed && performance.now() >= this.#notBefore) void this.#save();
    }, intervalMs);
  }

  /** The notebook differs from the file. */
  changed(): void {
    this.#changed = true;
  }

  /** Resolves when the cell is in the file, unless saves have become so slow that they would hold up the run. */
  async cellEnded(count: number): Promise<void> {
    this.#cells = count;
    this.#changed = true;
    if (performance.now() >= this.#notBefore) await this.#save();
  }

  /** The last save, on disk when it resolves. Tried also after a failure: the disk may have room again. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#save({ durable: true });
  }

  #save(options: WriteOptions = { durable: false }): Promise<void> {
    this.#saving = this.#saving.then(() => this.#write(options));
    return this.#saving;
  }

  async #write(options: WriteOptions): Promise<void> {
    const started = performance.now();
    const cells = this.#cells;
    this.#changed = false;
    this.beforeSave();
    try {
      await this.write(this.path, this.notebook, options, this.#texts);
      this.#savedCells = cells;
      this.#saved = true;
    } catch (error) {
      this.#saved = false;
      this.#fail(error);
    }
    const took = performance.now() - started;
    this.#notBefore = took <= cheapMs ? 0 : performance.now() + took * patience;
  }

  #fail(error: unknown): void {
    if (this.#failure) return;
    this.#failure = new SaveFailure(relative(process.cwd(), this.path), error, () => this.#held());
    clearInterval(this.#timer);
    this.onFailure(this.#failure);
  }

  #held(): string {
    if (this.#savedCells === undefined) return 'there is no file of this run';
    if (this.#savedCells === 0) return 'the file is that from before the first cell';
    return `the file holds the run up to cell ${this.#savedCells}`;
  }
}
