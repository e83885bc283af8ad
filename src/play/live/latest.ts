/** Work of which only the newest counts: one is done at a time, and one waits at most. */
export class Latest<T> {
  readonly #work: (task: T) => Promise<void>;
  readonly #fail: (error: unknown) => void;
  #waiting: { readonly task: T } | null = null;
  #runs = false;

  constructor(work: (task: T) => Promise<void>, fail: (error: unknown) => void) {
    this.#work = work;
    this.#fail = fail;
  }

  /** Does it next, in the place of what waits. */
  put(task: T): void {
    this.#waiting = { task };
    if (!this.#runs) void this.#run();
  }

  async #run(): Promise<void> {
    this.#runs = true;
    while (this.#waiting) {
      const { task } = this.#waiting;
      this.#waiting = null;
      await this.#work(task).catch(this.#fail);
    }
    this.#runs = false;
  }
}
