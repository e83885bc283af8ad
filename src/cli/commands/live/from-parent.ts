import { z } from 'zod';
import type { ToldProgress } from '../../../serve/training-watch.js';
import { ENDS_WITH_PARENT } from '../../terminal/interrupt.js';

const number = z.number().nullable().optional();
const messageSchema = z.object({
  training: z.object({
    state: z.enum(['starting', 'training', 'evaluating', 'ended', 'lost']).optional(),
    step: z.number().optional(),
    steps: number,
    share: number,
    etaSeconds: number,
    framesPerSecond: number,
    doing: z.string().nullable().optional(),
    health: z.string().nullable().optional(),
    ending: z
      .object({ why: z.string(), next: z.array(z.string()) })
      .nullable()
      .optional(),
  }),
});

/** What a training tells the page that it has shown beside itself. */
export interface FromTraining {
  readonly training: ToldProgress;
}

/** Hears what the training says that has started this process to show it; nobody says anything otherwise. */
export function hearTraining(listener: (told: ToldProgress) => void): void {
  if (process.env[ENDS_WITH_PARENT] === undefined || process.channel === undefined) return;
  process.on('message', (message) => {
    const heard = messageSchema.safeParse(message);
    if (heard.success) listener(heard.data.training as ToldProgress);
  });
}
