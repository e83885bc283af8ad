import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { isFrameloomError } from '../../src/base/error.js';
import { parseReport } from '../../src/video/ffprobe.js';

describe('what ffprobe says', () => {
  const schema = z.object({ streams: z.array(z.object({ index: z.number() })).default([]) });

  it('is read where it is JSON of the shape', () => {
    expect(parseReport(schema, '{"streams": [{"index": 0, "more": 1}]}')).toEqual({
      streams: [{ index: 0 }],
    });
    expect(parseReport(schema, '{}')).toEqual({ streams: [] });
  });

  it.each(['', '{', 'null', '[]', '{"streams": [{"index": "0"}]}', '{"streams": 1}'])(
    'is our error where it is not: %j',
    (json) => {
      const read = (): unknown => {
        try {
          return parseReport(schema, json);
        } catch (error) {
          return error;
        }
      };
      const error = read();
      expect(isFrameloomError(error, 'ffmpeg-failed')).toBe(true);
      expect(error).toMatchObject({ message: 'ffprobe gave a report that cannot be read' });
      expect((error as Error).cause).toBeInstanceOf(Error);
    },
  );
});
