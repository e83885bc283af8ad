import { z } from 'zod';
import { OUTPUT_FORMAT_NAMES } from './formats.js';

/** How generated video is written: the `output:` section of a pipeline. */
export const outputOptions = z
  .strictObject({
    format: z
      .enum(OUTPUT_FORMAT_NAMES)
      .optional()
      .describe('Container and codec. Default: by the extension of the file that is written.'),
    crf: z
      .number()
      .min(0)
      .max(63)
      .optional()
      .describe(
        'Constant quality: h264 0–51 (default 18), vp9 0–63 (default 30). Lower looks better and is larger.',
      ),
    preset: z
      .string()
      .regex(/^[a-z]+$/)
      .default('medium')
      .describe(
        "x264's preset, from ultrafast to veryslow. Slower is smaller at the same quality.",
      ),
    outputPixelFormat: z
      .string()
      .regex(/^[a-z0-9]+$/)
      .optional()
      .describe(
        "ffmpeg's pixel format to write, such as yuv444p. Default: the format's own; yuv420p for mp4, which needs even sizes, so that an odd row or column is repeated.",
      ),
    audio: z
      .boolean()
      .default(false)
      .describe("Carry the input video's sound along, cut to the video's duration."),
  })
  .prefault({});

export type OutputOptions = z.output<typeof outputOptions>;
