import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { useBackend } from '../../../src/backend/index.js';
import { conditionToRgb } from '../../../src/clips/class-colours.js';
import { openCondition } from '../../../src/clips/index.js';
import { openRunModel } from '../../../src/pipeline/run-model.js';
import {
  generateVideo,
  type GenerateVideoOptions,
} from '../../../src/synthesis/video/generate-video.js';
import type { SynthesisModel } from '../../../src/synthesis/models/model.js';
import { decodeFrames, probe } from '../../../src/video/index.js';
import { collect } from '../../video/frames.js';
import { makeClip, scratchPath } from '../../video/make-clip.js';
import { makeExact } from '../../clips/make-data.js';
import { makeRun } from '../make-run.js';

const [WIDTH, HEIGHT, FRAMES] = [32, 24, 9];
const palette = { red: [255, 0, 0], blue: [0, 0, 255], black: [0, 0, 0] } as const;
let clip: string;
let edges: SynthesisModel;

beforeAll(async () => {
  await useBackend();
  clip = await makeClip({ frames: FRAMES, name: 'clip.mkv', toneSeconds: 1 });
  edges = await openRunModel(await makeRun());
});

async function generate(
  model: SynthesisModel,
  options: Partial<GenerateVideoOptions> = {},
): Promise<Buffer> {
  const output = scratchPath('made.raw');
  const all = { input: clip, output, startFrames: 0, baseFolder: '.', ...options };
  await generateVideo(model, all);
  return readFile(output);
}

/** Picture k of each frame, of `count` beside each other. */
function column(bytes: Uint8Array, k: number, count: number): Buffer {
  const line = 3 * WIDTH;
  const lines = bytes.length / line / count;
  return Buffer.concat(
    Array.from({ length: lines }, (_, i) => {
      const at = (i * count + k) * line;
      return bytes.subarray(at, at + line);
    }),
  );
}

const size = { width: WIDTH, height: HEIGHT, fit: 'crop' } as const;

describe('side by side', () => {
  it('shows the condition, what is generated of it, and the real frame; of a pipe too', async () => {
    const wide = await generate(edges, { sideBySide: true });
    expect(column(wide, 1, 3).equals(await generate(edges))).toBe(true);
    const real = await collect(decodeFrames(clip, { size }));
    expect(column(wide, 2, 3).equals(Buffer.concat(real.map(({ data }) => data)))).toBe(true);
    const { fps } = await probe(clip);
    const source = { path: clip, info: await probe(clip, { count: true }) };
    const condition = await openCondition(edges.data, source, { baseFolder: '.', fps });
    const drawn = (await collect(condition!.frames)).map((frame) => condition!.toPicture(frame));
    expect(column(wide, 0, 3).equals(Buffer.concat(drawn.map(({ data }) => data)))).toBe(true);
    const input = createReadStream(clip);
    expect(wide.equals(await generate(edges, { sideBySide: true, input }))).toBe(true);
  });

  it('has the times of the input, and its sound', async () => {
    const output = scratchPath('made.mp4');
    await generateVideo(edges, {
      ...{ input: clip, output, startFrames: 2, baseFolder: '.', sideBySide: true, audio: true },
    });
    const [made, given] = [
      await probe(output, { count: true }),
      await probe(clip, { count: true }),
    ];
    expect(made).toMatchObject({ width: 3 * WIDTH, height: HEIGHT, hasAudio: true });
    // The containers round, each to its own clock.
    for (const [k, time] of [...given.frameTimes!].entries()) {
      expect(Math.abs(made.frameTimes![k]! - time)).toBeLessThan(0.005);
    }
    expect(made.frameCount).toBe(FRAMES);
  });

  // One filter that remembers the frames before, one that does not.
  it.each([['hqdn3d,format=gray'], ['format=gray']])(
    'by %s goes on after a stop with the frames that belong together',
    async (filtergraph) => {
      const condition =
        filtergraph === 'format=gray' ? 'grey' : { kind: 'derived', filtergraph, channels: 1 };
      const model = await openRunModel(await makeRun({ data: { condition } }));
      let began: number | undefined;
      const film = async (output: string, stopAt?: number): Promise<Buffer> => {
        const stop = new AbortController();
        began = undefined;
        await generateVideo(model, {
          ...{ input: clip, output, startFrames: 2, baseFolder: '.', segmentFrames: 5 },
          ...{ sideBySide: true, signal: stop.signal },
          onFrame: (done) => {
            began ??= done;
            if (done === stopAt) stop.abort();
          },
        }).catch((error: unknown) => {
          if (stopAt === undefined) throw error;
        });
        return stopAt === undefined ? readFile(output) : Buffer.alloc(0);
      };
      const whole = await film(scratchPath('whole.mkv'));
      const stopped = scratchPath('stopped.mkv');
      await film(stopped, 8);
      expect(whole.equals(await film(stopped))).toBe(true);
      expect(began).toBe(6);
    },
  );

  it('draws labels in the colours of their palette, and nothing real beside a paired input', async () => {
    const content = { kind: 'paired', content: 'labels', path: 'x' };
    const model = await openRunModel(
      await makeRun({ data: { condition: { ...content, palette }, size: '32x24' } }),
    );
    const colour = (_: number, x: number) => (x < 16 ? palette.red : palette.blue);
    const labels = await makeExact({ frames: 3, width: WIDTH, height: HEIGHT, colour });
    const wide = await generate(model, { input: labels, sideBySide: true });
    expect(wide).toHaveLength(2 * 3 * WIDTH * HEIGHT * 3);
    const left = column(wide, 0, 2);
    const there = await collect(decodeFrames(labels));
    expect(left.equals(Buffer.concat(there.map(({ data }) => data)))).toBe(true);
    expect([...left.subarray(0, 3), ...left.subarray(93, 96)]).toEqual([255, 0, 0, 0, 0, 255]);
    expect(column(wide, 1, 2).equals(await generate(model, { input: labels }))).toBe(true);
  });

  it('of a model without conditions is what is generated beside what is real', async () => {
    const model = await openRunModel(
      await makeRun({
        data: { condition: 'none' },
        generator: { noiseChannels: 2, conditionFrames: 1 },
      }),
    );
    const wide = await generate(model, { sideBySide: true });
    expect(column(wide, 0, 2).equals(await generate(model))).toBe(true);
    const real = await collect(decodeFrames(clip, { size }));
    expect(column(wide, 1, 2).equals(Buffer.concat(real.map(({ data }) => data)))).toBe(true);
    expect(conditionToRgb(Uint8Array.of(9), edges.layout)).toEqual(Uint8Array.of(9, 9, 9));
  });
});
