/**
 * Shows what one cell displays in the order of the calls, although the forms of some values take time (a tensor is
 * read asynchronously), and tells when nothing is left to show. One queue per cell: that of an interrupted cell may
 * wait for ever.
 */
import type { MimeBundle } from '../../src/display/display.js';

type Emit = (bundle: MimeBundle) => void;

export class DisplayQueue {
  /** In order; what a slot holds is called when its value is ready and all before it are shown. */
  readonly #slots: { show?: () => void }[] = [];
  #whenEmpty: (() => void)[] = [];

  /**
   * Emits at once where nothing has to be waited for. The promise is settled when the value is ready, not when those
   * before it are: a value's own bundle may await the display of another.
   */
  async add(bundle: MimeBundle | Promise<MimeBundle>, emit: Emit): Promise<void> {
    if (this.#slots.length === 0 && !(bundle instanceof Promise)) {
      emit(bundle);
      return;
    }
    const slot: { show?: () => void } = {};
    this.#slots.push(slot);
    try {
      const data = await bundle;
      slot.show = () => emit(data);
    } catch (error) {
      slot.show = () => {};
      throw error;
    } finally {
      this.#flush();
    }
  }

  /** Calls back when everything so far is shown, at once if it is. */
  whenEmpty(then: () => void): void {
    if (this.#slots.length === 0) then();
    else this.#whenEmpty.push(then);
  }

  #flush(): void {
    while (this.#slots[0]?.show) this.#slots.shift()!.show!();
    if (this.#slots.length > 0) return;
    const waiting = this.#whenEmpty;
    this.#whenEmpty = [];
    for (const then of waiting) then();
  }
}
