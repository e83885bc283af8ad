import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * RxJS pushes and has no backpressure. A demand is a level that a consumer holds open while it can
 * take one more frame, and that a source looks at before each emission. It is a level, not a count
 * of credits, so that operators that drop or multiply frames (filter, take, mergeMap) cannot leak.
 */
export interface Demand {
  readonly isOpen: boolean;
  /** Calls back whenever the level may have risen. Returns the way to stop that. */
  onOpen(listener: () => void): () => void;
}

/** A demand that its owner opens and closes. */
export class DemandGate implements Demand {
  #open: boolean;
  readonly #listeners = new Set<() => void>();

  constructor(open = true) {
    this.#open = open;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  set(open: boolean): void {
    if (open === this.#open) return;
    this.#open = open;
    if (open) for (const listener of [...this.#listeners]) listener();
  }

  onOpen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}

/** Open while both are: a stage in the middle takes a frame only when it and what follows can. */
export function bothOpen(own: Demand, downstream: Demand | undefined): Demand {
  if (!downstream) return own;
  return {
    get isOpen() {
      return own.isOpen && downstream.isOpen;
    },
    onOpen(listener) {
      const stops = [own.onOpen(listener), downstream.onOpen(listener)];
      return () => stops.forEach((stop) => stop());
    },
  };
}

const context = new AsyncLocalStorage<Demand | undefined>();

/**
 * Runs `subscribe` so that sources subscribed in it see this demand. It travels by the async
 * context, so any plain operator may stand between a sink and its source.
 */
export const withDemand = <T>(demand: Demand | undefined, subscribe: () => T): T =>
  context.run(demand, subscribe);

/** The nearest downstream demand of the subscription being made; undefined when there is none. */
export const currentDemand = (): Demand | undefined => context.getStore();

/**
 * Runs users' code outside of any demand: what it subscribes to itself is its own affair, and
 * waiting for the demand that it is holding closed would be a deadlock.
 */
export const withoutDemand = <T>(run: () => T): T => context.run(undefined, run);
