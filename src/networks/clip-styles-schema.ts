import { z } from 'zod';
import { MOST_STYLES } from './clip-styles.js';

const MOST_CHANNELS = 64;
const numbers = (least: number) => z.array(z.number().min(least).max(1)).min(1).max(MOST_CHANNELS);

/** Looks as snapshots and exported files hold them. */
export const clipStylesSchema = z
  .array(z.object({ clip: z.string().min(1).max(1000), code: numbers(-1), deviation: numbers(0) }))
  .max(MOST_STYLES);
