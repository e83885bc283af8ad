import { Observable, type OperatorFunction, Subscription } from 'rxjs';
import { FrameloomError } from '../base/error.js';
import { bothOpen, currentDemand, DemandGate, withDemand, withoutDemand } from './demand.js';
import type { Frame } from './types.js';

export interface MapFramesOptions {
  /** Projects that may run at once; their results are emitted in order. Default 1. */
  readonly inFlight?: number | undefined;
}

interface Slot<R> {
  done: boolean;
  value?: R;
}

/**
 * `concatMap` for work on frames that does not run ahead: the next frame is asked for when fewer
 * than `inFlight` are being worked on (a result that nobody downstream can take yet is one of
 * them). Order is kept.
 * @throws FrameloomError bad-option when inFlight is not a whole number ≥ 1.
 */
export function mapFrames<R, T = Frame>(
  project: (frame: T, index: number) => Promise<R> | R,
  options: MapFramesOptions = {},
): OperatorFunction<T, R> {
  const limit = options.inFlight ?? 1;
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new FrameloomError('bad-option', `inFlight is ${limit}, not a whole number from 1`);
  }
  return (source) =>
    new Observable<R>((subscriber) => {
      const downstream = currentDemand();
      const gate = new DemandGate();
      /** Frames that came although we are full: the source does not know of demand. */
      const early: T[] = [];
      const slots: Slot<R>[] = [];
      let index = 0;
      let sourceDone = false;
      let flushing = false;

      const begin = (frame: T): void => {
        const slot: Slot<R> = { done: false };
        slots.push(slot);
        const at = index;
        index += 1;
        const settle = (value: R): void => {
          slot.done = true;
          slot.value = value;
          flush();
        };
        try {
          const result = withoutDemand(() => project(frame, at));
          if (result instanceof Promise) {
            result.then(settle, (error: unknown) => subscriber.error(error));
          } else {
            settle(result);
          }
        } catch (error) {
          subscriber.error(error);
        }
      };

      const flush = (): void => {
        if (flushing) return;
        flushing = true;
        try {
          while (slots[0]?.done && (downstream?.isOpen ?? true) && !subscriber.closed) {
            const slot = slots.shift();
            subscriber.next(slot?.value as R);
          }
          while (early.length > 0 && slots.length < limit && !subscriber.closed) {
            begin(early.shift() as T);
          }
        } finally {
          flushing = false;
        }
        if (slots[0]?.done && (downstream?.isOpen ?? true) && !subscriber.closed) return flush();
        if (sourceDone && slots.length === 0 && early.length === 0) subscriber.complete();
        else gate.set(slots.length + early.length < limit);
      };

      const all = new Subscription();
      if (downstream) all.add(downstream.onOpen(flush));
      all.add(() => gate.set(false));
      all.add(
        withDemand(bothOpen(gate, downstream), () =>
          source.subscribe({
            next: (frame) => {
              if (slots.length < limit) begin(frame);
              else early.push(frame);
              gate.set(slots.length + early.length < limit);
            },
            error: (error: unknown) => subscriber.error(error),
            complete: () => {
              sourceDone = true;
              flush();
            },
          }),
        ),
      );
      return all;
    });
}

/**
 * The k-th frames of every source together. Each source is asked for a frame only while it is the
 * one that is missing, so none runs ahead of another. Completes with the shortest.
 */
export function zipFrames<T = Frame>(...sources: Observable<T>[]): Observable<T[]> {
  return new Observable<T[]>((subscriber) => {
    if (sources.length === 0) return subscriber.complete();
    const downstream = currentDemand();
    const lanes = sources.map(() => ({
      gate: new DemandGate(),
      queue: [] as T[],
      done: false,
    }));
    let flushing = false;
    const flush = (): void => {
      if (flushing) return;
      flushing = true;
      try {
        while (
          !subscriber.closed &&
          (downstream?.isOpen ?? true) &&
          lanes.every((lane) => lane.queue.length > 0)
        ) {
          subscriber.next(lanes.map((lane) => lane.queue.shift() as T));
          // Opening may bring the next frame at once, and this loop sees it.
          for (const lane of lanes) lane.gate.set(lane.queue.length === 0);
        }
      } finally {
        flushing = false;
      }
      if (lanes.some((lane) => lane.done && lane.queue.length === 0)) subscriber.complete();
    };
    const all = new Subscription();
    if (downstream) all.add(downstream.onOpen(flush));
    lanes.forEach((lane, i) => {
      const source = sources[i];
      if (!source || subscriber.closed) return;
      all.add(
        withDemand(bothOpen(lane.gate, downstream), () =>
          source.subscribe({
            next: (frame) => {
              lane.queue.push(frame);
              lane.gate.set(false);
              flush();
            },
            error: (error: unknown) => subscriber.error(error),
            complete: () => {
              lane.done = true;
              flush();
            },
          }),
        ),
      );
    });
    return all;
  });
}
