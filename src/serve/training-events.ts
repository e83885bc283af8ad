import { z } from 'zod';
import type { StepLine } from '../training/run/step-log.js';
import type { TrainingEvent } from './training-messages.js';

const told = z.object({ word: z.string(), why: z.string() });
const acted = z.object({ act: z.string(), why: z.string() });
const returned = z.object({
  fromStep: z.number(),
  word: z.string().optional(),
  why: z.string().optional(),
});

/** What a line of the log tells of beside its numbers. */
export function eventsOf(line: StepLine): TrainingEvent[] {
  const { step } = line;
  const events: TrainingEvent[] = [];
  const tell = (kind: TrainingEvent['kind'], word: string, text: string): void =>
    void events.push({ type: 'event', step, kind, word, text });
  const alarms = z.record(z.string(), z.string()).safeParse(line.alarms);
  for (const [word, why] of Object.entries(alarms.data ?? {})) tell('alarm', word, why);
  const acts = z.array(acted).safeParse(line.acts).data ?? [];
  const own = acted.safeParse(line).data;
  for (const { act, why } of own ? [...acts, own] : acts) tell('act', act, why);
  const back = returned.safeParse(line.wentBack).data;
  if (back) {
    const why = back.why ?? 'as was asked for';
    tell('back', back.word ?? 'asked', `from step ${back.fromStep} to step ${step}: ${why}`);
  }
  const ended = told.safeParse(line.ended).data;
  if (ended) tell('ended', ended.word, ended.why);
  return events;
}

/** How it goes, in a word, as a line says; undefined where it says nothing. */
export function healthOf({ alarms, health }: StepLine): string | undefined {
  if (typeof alarms === 'object' && alarms !== null) {
    const [first] = Object.keys(alarms);
    if (first !== undefined) return first;
  }
  return typeof health === 'string' ? health : undefined;
}
