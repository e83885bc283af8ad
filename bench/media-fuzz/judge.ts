import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFrameloomError } from '../../src/base/error.js';
import { createLogger } from '../../src/base/log.js';
import { generateVideo } from '../../src/synthesis/video/generate-video.js';
import type { SynthesisModel } from '../../src/synthesis/models/model.js';
import {
  decodeFrames,
  findFfmpeg,
  probe,
  runningProcesses,
  type VideoInfo,
} from '../../src/video/index.js';
import { environmentFor } from '../../src/video/ffmpeg-path.js';
import type { Mutant } from './mutate.js';

/** What became of a damaged file. */
export type Outcome = 'whole' | 'damage told' | 'refused';

export interface Judgement {
  readonly mutant: Mutant;
  readonly outcome: Outcome;
  /** Frames that were delivered. */
  readonly frames: number;
  /** Frames that there are by another program's count; null where it finds none. */
  readonly expected: number | null;
  /** Everything that must not be. */
  readonly wrong: readonly string[];
  /** The error or the first warning. */
  readonly said: string;
}

/** Nothing of these few frames takes that long. */
const LIMIT_MS = 30_000;

class Hang extends Error {}

/** Stops what takes too long; what cannot even be stopped hangs. */
async function limited<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const working = work(stop.signal);
  const finished = new AbortController();
  const watch = async (): Promise<never> => {
    await sleep(LIMIT_MS, undefined, finished);
    stop.abort();
    await sleep(LIMIT_MS / 3, undefined, finished);
    throw new Hang('it hangs, and cannot be stopped');
  };
  try {
    const result = await Promise.race([working, watch()]);
    if (stop.signal.aborted) throw new Hang('it hangs');
    return result;
  } catch (error) {
    if (stop.signal.aborted && !(error instanceof Hang)) throw new Hang('it hangs');
    throw error;
  } finally {
    finished.abort();
  }
}

/** Frames by ffprobe's own decoding, of the stream that was taken. */
async function countedFrames(path: string, info: VideoInfo | null): Promise<number | null> {
  if ((await stat(path)).isDirectory()) return (await readdir(path)).length;
  const { ffprobePath } = await findFfmpeg();
  const stream = info === null ? 'v:0' : String(info.streamIndex);
  const args = ['-v', 'quiet', '-select_streams', stream, '-count_frames', '-of', 'csv=p=0'];
  const output = await new Promise<string>((resolve) => {
    execFile(
      ffprobePath,
      [...args, '-show_entries', 'stream=nb_read_frames', `file:${path}`],
      { timeout: LIMIT_MS, env: environmentFor(ffprobePath) },
      // What it cannot read at all it counts no frame of.
      (_error, stdout) => resolve(stdout),
    );
  });
  const count = Number.parseInt(output, 10);
  return Number.isNaN(count) ? null : count;
}

/** Whether a y4m file of the corpus, whose head is whole, ends in the middle of a frame. */
async function endsInFrame(path: string): Promise<boolean> {
  const bytes = await readFile(path);
  const MARK = Buffer.from('FRAME\n');
  const first = bytes.indexOf(MARK);
  const frame = bytes.indexOf(MARK, first + 1) - first;
  return (
    first > 0 && frame === MARK.length + (64 * 36 * 3) / 2 && (bytes.length - first) % frame > 0
  );
}

/** ffmpegs that this process has started and that are still there. Linux only; else none. */
async function childrenLeft(): Promise<string[]> {
  const entries = await readdir('/proc').catch(() => []);
  const found = await Promise.all(
    entries
      .filter((entry) => /^\d+$/.test(entry))
      .map(async (id) => {
        const status = await readFile(`/proc/${id}/status`, 'utf8').catch(() => '');
        const ours = new RegExp(`^PPid:\\s+${process.pid}$`, 'm').test(status);
        const name = /^Name:\s+(\S+)/.exec(status)?.[1] ?? '';
        return ours && /^ff(mpeg|probe)/.test(name) ? [`${name} ${id}`] : [];
      }),
  );
  return found.flat();
}

/** Decoders are sent away and not waited for: a moment later they are gone. */
async function nothingLeft(): Promise<string[]> {
  for (let tries = 0; tries < 30; tries += 1) {
    if (runningProcesses().length === 0 && (await childrenLeft()).length === 0) return [];
    await sleep(100);
  }
  return [`processes left: ${runningProcesses().join(' ')} ${(await childrenLeft()).join(', ')}`];
}

const namesIn = async (folder: string): Promise<string> =>
  (await readdir(folder, { recursive: true })).sort().join(' ');

/** What is said and thrown during a piece of work, each kept apart. */
function listener() {
  const warnings: string[] = [];
  const log = createLogger({
    level: 'warn',
    json: true,
    write: (line) => warnings.push((JSON.parse(line) as { msg: string }).msg),
  });
  return { log, warnings };
}

interface Told {
  readonly frames: number;
  readonly error: string;
  readonly warnings: readonly string[];
  readonly wrong: string[];
}

/** Runs one way through; counts frames, keeps what is said, and what must not be thrown. */
async function told(
  what: string,
  work: (
    context: { log: ReturnType<typeof listener>['log']; signal: AbortSignal },
    count: () => void,
  ) => Promise<unknown>,
): Promise<Told> {
  const { log, warnings } = listener();
  const wrong: string[] = [];
  let frames = 0;
  let error = '';
  try {
    await limited((signal) => work({ log, signal }, () => (frames += 1)));
  } catch (thrown) {
    if (isFrameloomError(thrown)) error = thrown.toLine();
    else if (thrown instanceof Hang) wrong.push(`${what}: ${thrown.message}`);
    else wrong.push(`${what}: ${thrown instanceof Error ? thrown.stack : String(thrown)}`);
    if (error.includes('\n')) wrong.push(`${what}: an error of several lines: ${error}`);
  }
  return { frames, error, warnings, wrong };
}

export interface JudgeOptions {
  /** A folder that nothing else is in. */
  readonly folder: string;
  /** Generates from it too. */
  readonly model?: SynthesisModel | undefined;
}

/**
 * Looks at a damaged file, decodes it and (with a model) generates from it. Everything may fail, in
 * order: with an error of one line, or with frames and a warning where some are lost.
 */
export async function judge(mutant: Mutant, options: JudgeOptions): Promise<Judgement> {
  const { path, container } = mutant;
  const wrong: string[] = [];
  let info: VideoInfo | null = null;
  const looked = await told('probe', async ({ log, signal }) => {
    info = await probe(path, { count: true, log, signal });
  });
  const decode = await told('decode', (context, count) => {
    const frames = decodeFrames(path, { ...context, onDamage: 'warn' });
    return new Promise<void>((resolve, reject) => {
      frames.subscribe({
        next: count,
        error: (error: unknown) =>
          reject(error instanceof Error ? error : new Error(String(error))),
        complete: resolve,
      });
    });
  });
  wrong.push(...looked.wrong, ...decode.wrong, ...(await nothingLeft()));
  const expected = await countedFrames(path, info);
  const silent = decode.error === '' && decode.warnings.length === 0;
  const { frames } = decode;
  if (silent && container === 'y4m' && (await endsInFrame(path))) {
    wrong.push(`${frames} frames and a part of one, without a word`);
  }
  if (silent && decode.wrong.length === 0) {
    if (frames < (expected ?? 0)) wrong.push(`${frames} of ${expected} frames, without a word`);
    // An AVI shows its last picture again for a chunk that is empty.
    if (frames > (expected ?? 0) && container !== 'avi') {
      wrong.push(`${frames} frames where there are ${expected ?? 'none'}, without a word`);
    }
  }
  const { model } = options;
  if (model) wrong.push(...(await judgeGenerating(mutant, model, decode, options.folder)));
  const outcome = decode.error !== '' ? 'refused' : silent ? 'whole' : 'damage told';
  const said = decode.error || (decode.warnings[0] ?? looked.error);
  return { mutant, outcome, frames, expected, wrong, said };
}

/** One made frame for each that was delivered; a whole file, or none and nothing beside it. */
async function judgeGenerating(
  { path }: Mutant,
  model: SynthesisModel,
  decode: Told,
  folder: string,
): Promise<string[]> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const output = join(folder, 'made.mkv');
  const made = await told('generate', (context, count) =>
    generateVideo(model, {
      ...{ input: path, output, startFrames: 0, baseFolder: folder, ...context },
      onFrame: count,
    }),
  );
  const wrong = [...made.wrong, ...(await nothingLeft())];
  const left = await namesIn(folder);
  const should = made.error === '' && made.wrong.length === 0 ? 'made.mkv' : '';
  if (left !== should) wrong.push(`generate left "${left}", not "${should}"`);
  if (should !== '') {
    const written = await countedFrames(output, null);
    if (written !== made.frames) wrong.push(`${made.frames} frames made, ${written} written`);
    if (made.frames !== decode.frames && made.warnings.length === 0) {
      wrong.push(`${made.frames} frames made of ${decode.frames}, without a word`);
    }
  }
  await rm(folder, { recursive: true, force: true });
  return wrong;
}
