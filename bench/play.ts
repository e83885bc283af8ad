/**
 * Is a game that was learned played for minutes without falling apart, and does it do what it is told? Plays a generator
 * of the meadow in closed loop, by the keys of a player of another seed, and holds each half minute against the first
 * ten seconds and against the game itself. docs/bench.md says what the numbers mean.
 *
 *   npm run bench -- --only play -- RUN
 *   npx tsx bench/play.ts RUN [--frames 4500] [--seed 3] [--video played.mp4] [--quick]
 *
 * RUN is a run folder of actions-to-video with an exported generator. Writes bench/results/play.json. Exits with 1 where
 * sharpness or colour leave what they were at first by more than a fifth, or less than 0.85 of what can be seen of the
 * keys in real frames is seen.
 */
import './support/help.js';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { played } from '../samples/meadow/clips.js';
import { KEYS, type State } from '../samples/meadow/game.js';
import { drawMeadow } from '../samples/meadow/picture.js';
import { FPS, HEIGHT, SEED, WIDTH } from '../samples/meadow/settings.js';
import { useBackend } from '../src/backend/index.js';
import {
  createActionAgreement,
  imageFromBytes,
  obedienceOf,
  sharpness,
} from '../src/metrics/index.js';
import { openModel } from '../src/pipeline/open-model.js';
import { createSynthesizer } from '../src/synthesis/engines/open.js';
import {
  SEEN,
  trainInverseDynamics,
  type PlayedFrames,
} from '../src/synthesis/evaluate/inverse-dynamics.js';
import { writeFrames, type Frame } from '../src/video/index.js';
import { figureOver } from './play/figure.js';
import { counted } from './support/arguments.js';
import { say, writeResult } from './support/files.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    frames: { type: 'string', default: '4500' },
    seed: { type: 'string', default: '3' },
    video: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
});
const [run] = positionals;
if (run === undefined) throw new Error('name the folder of a run');

/** Real frames that it goes on from. */
const START = 8;
const FIRST = 10 * FPS;
const PART = 30 * FPS;
const MOST_CHANGE = 0.2;
const LEAST_OBEYED = 0.85;
const BYTES = 3 * WIDTH * HEIGHT;
const COLUMNS = KEYS.map((name) => ({ name, kind: 'key' as const }));

/** What the game shows, and the keys of it. */
function game(states: readonly State[]): PlayedFrames {
  const frames = states.length;
  const pictures = new Uint8Array(frames * BYTES);
  states.forEach((state, i) => pictures.set(drawMeadow(state), i * BYTES));
  const actions = states.flatMap(({ keys }) => KEYS.map((key) => Number(keys[key])));
  return { count: frames, frames: pictures, actions: Float32Array.from(actions) };
}
const pictureOf = ({ frames }: PlayedFrames, i: number): Uint8Array =>
  frames.subarray(i * BYTES, (i + 1) * BYTES);
const keysOf = ({ actions }: PlayedFrames, i: number): Float32Array =>
  actions.subarray(i * KEYS.length, (i + 1) * KEYS.length);

/** Mean sharpness and colour of frames. */
function lookOf(frames: readonly Uint8Array[]): { sharpness: number; colour: number[] } {
  const sum = [0, 0, 0];
  let sharp = 0;
  for (const data of frames) {
    sharp += sharpness(imageFromBytes(data, { width: WIDTH, height: HEIGHT, channels: 3 }));
    for (let i = 0; i < data.length; i += 1) sum[i % 3]! += data[i]!;
  }
  const pixels = frames.length * WIDTH * HEIGHT;
  return { sharpness: sharp / frames.length, colour: sum.map((one) => one / pixels) };
}

function* besideReal(made: readonly Uint8Array[], real: PlayedFrames): Generator<Frame> {
  for (const [index, own] of made.entries()) {
    const data = new Uint8Array(2 * BYTES);
    const line = 3 * WIDTH;
    for (let y = 0; y < HEIGHT; y += 1) {
      data.set(own.subarray(y * line, (y + 1) * line), 2 * y * line);
      const other = pictureOf(real, START + index);
      data.set(other.subarray(y * line, (y + 1) * line), (2 * y + 1) * line);
    }
    const size = { width: 2 * WIDTH, height: HEIGHT };
    yield { index, timeSeconds: index / FPS, ...size, pixelFormat: 'rgb24', data };
  }
}

const count = values.quick ? 2 * FIRST : counted('frames', values.frames);
const states = played({ seed: counted('seed', values.seed), frames: START + count });
const real = game(states);
const model = await openModel(join(run, 'exports', 'generator.onnx'));
const synthesizer = await createSynthesizer(model);
const starts = Array.from({ length: START }, (_, i) => i);
synthesizer.start(
  starts.map((i) => pictureOf(real, i)),
  null,
  starts.map((i) => keysOf(real, i)),
);
const made: Uint8Array[] = [];
const times: number[] = [];
for (let t = 0; t < count; t += 1) {
  const before = performance.now();
  const frame = await synthesizer.next(null, { actions: keysOf(real, START + t) });
  times.push(performance.now() - before);
  made.push(frame.slice());
}
synthesizer.dispose();
times.sort((a, b) => a - b);
const medianMs = times[Math.floor(times.length / 2)]!;
say(`${count} frames of ${WIDTH}x${HEIGHT}, median ${medianMs.toFixed(2)} ms, ${(1000 / medianMs).toFixed(0)} a second`); // prettier-ignore
if (values.video !== undefined) {
  await writeFrames(besideReal(made, real), values.video, { fps: FPS, overwrite: true });
}

const figure = figureOver(made, states.slice(START - 1));
const whereThere = Object.entries(figure.there).map(
  ([name, there]) => `${name} ${there.toFixed(2)}`,
);
say(`the fox, 1 whole and 0 gone: ${whereThere.join('  ')}`);
say(
  `it is gone in ${(100 * figure.gone).toFixed(0)} % of the frames; the meadow is in place in ${(100 * figure.inPlace).toFixed(0)} %`,
);

await useBackend();
say('learning what keys look like');
const network = await trainInverseDynamics(
  [game(played({ seed: SEED, frames: values.quick ? 400 : 3600 }))],
  { width: WIDTH, height: HEIGHT, columns: COLUMNS },
  { seed: SEED, ...(values.quick && { steps: 20 }) },
);

/** What is seen in frames from one to another. */
async function obeyed(from: number, to: number) {
  const [own, others, shuffled] = [0, 1, 2].map(() => createActionAgreement(COLUMNS));
  const last = to - SEEN.after;
  const length = last - from - SEEN.before;
  for (let t = from + SEEN.before; t < last; t += 1) {
    const around = Array.from({ length: SEEN.before + 1 + SEEN.after }, (_, i) => t - SEEN.before + i); // prettier-ignore
    const windows = [around.map((i) => made[i]!), around.map((i) => pictureOf(real, START + i))];
    const [seen, seenReal] = await network.actions(windows);
    own!.add(seen!, keysOf(real, START + t));
    others!.add(seenReal!, keysOf(real, START + t));
    const other = from + SEEN.before + ((t - from - SEEN.before + Math.floor(length / 2)) % length);
    shuffled!.add(seen!, keysOf(real, START + other));
  }
  return obedienceOf(COLUMNS, { made: own!, real: others!, shuffled: shuffled! });
}

const begins = [0, FIRST, ...Array.from({ length: Math.ceil(count / PART) }, (_, i) => (i + 1) * PART)]; // prettier-ignore
const first = lookOf(made.slice(0, FIRST));
const parts = [];
for (const [i, from] of begins.slice(0, -1).entries()) {
  const to = Math.min(count, begins[i + 1]!);
  if (to - from < FPS) continue;
  const look = lookOf(made.slice(from, to));
  const others = lookOf(Array.from({ length: to - from }, (_, t) => pictureOf(real, START + from + t))); // prettier-ignore
  const colour = look.colour.map((value, channel) => value / first.colour[channel]! - 1);
  const found = {
    ...{ from, to, colour, sharpness: look.sharpness / first.sharpness },
    ...{ sharpnessOfReal: look.sharpness / others.sharpness, keys: (await obeyed(from, to)).keys },
  };
  const { made: keys = null, real: realKeys = null } = found.keys ?? {};
  say(
    `${String(from / FPS).padStart(3)}–${String(to / FPS).padEnd(3)} s  sharpness ${found.sharpness.toFixed(2)} of the first, ${found.sharpnessOfReal.toFixed(2)} of the game's  colour ${colour.map((value) => `${value < 0 ? '−' : '+'}${(100 * Math.abs(value)).toFixed(1)} %`).join(' ')}  keys ${keys?.toFixed(3) ?? '–'} / ${realKeys?.toFixed(3) ?? '–'}`,
  );
  parts.push(found);
}
const whole = await obeyed(0, count);
network.dispose();
const keys = whole.keys!;
say(`keys, made / real / shuffled: ${[keys.made, keys.real, keys.shuffled].map((one) => one?.toFixed(3)).join(' / ')}, ${(keys.made! / keys.real!).toFixed(3)} of real`); // prettier-ignore
for (const one of whole.columns) {
  say(`  ${one.name} ${[one.made, one.real, one.shuffled].map((score) => score?.toFixed(3)).join(' / ')}`); // prettier-ignore
}
const changed = Math.max(...parts.flatMap((part) => [part.sharpness - 1, ...part.colour]).map(Math.abs)); // prettier-ignore
await writeResult('play.json', `${JSON.stringify({ run, count, medianMs, figure, obedience: whole, parts }, null, 2)}\n`); // prettier-ignore
const holds = changed <= MOST_CHANGE && keys.made! / keys.real! >= LEAST_OBEYED;
say(`${holds ? 'holds' : 'does not hold'}: at most ${(100 * changed).toFixed(1)} % of sharpness or colour changed`); // prettier-ignore
if (!holds && !values.quick) process.exitCode = 1;
