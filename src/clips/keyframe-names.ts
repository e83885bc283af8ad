import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { FrameloomError } from '../base/error.js';
import { frameNear, type VideoInfo } from '../video/index.js';
import { naturalOrder, PICTURE_EXTENSIONS, type PictureSequence } from '../video/sequence.js';

/** A picture of a frame, by the frame that its name names. */
export interface NamedKeyframe {
  readonly path: string;
  /** Its place in the clip, from 0. */
  readonly frame: number;
}

/** The clip that keyframes are of. */
export interface KeyframedClip {
  readonly path: string;
  readonly info: VideoInfo;
  /** The pictures that it is made of, where it is no video. */
  readonly sequence: PictureSequence | undefined;
}

/** Number of a video's first frame, as ffmpeg and Frameloom itself number the pictures that they write. */
export const USUAL_FIRST_NUMBER = 1;

const KEY = 'data.keyframes';
const HOW_TO_NAME =
  'name each by its frame, such as 000120.png or frame-120.png, or by its time, such as 12.5s.png';

const bad = (message: string, path: string, hint: string): FrameloomError =>
  new FrameloomError('bad-data', message, { path, hint });

const stemOf = (path: string): string => basename(path, extname(path));

/** A time is there where a name ends in one: `12.5s`, `look-12.5s`. */
const TIME = /(?:^|[\s_-])(\d{1,9}(?:[.,]\d{1,9})?)s$/i;

/** The seconds that a name ends in; undefined where it names no time. */
export function secondsIn(path: string): number | undefined {
  const text = TIME.exec(stemOf(path))?.[1];
  return text === undefined ? undefined : Number(text.replace(',', '.'));
}

/**
 * The number of each name: the only one in it, or of several the one that the names differ in.
 * @throws FrameloomError bad-data for a name without a number, or with several
 */
function numbersIn(paths: readonly string[]): number[] {
  const parts = paths.map((path) => stemOf(path).split(/(\d+)/));
  const [first] = parts;
  const isAlike = parts.every(
    (one) =>
      one.length === first!.length && one.every((part, i) => i % 2 === 1 || part === first![i]),
  );
  const varying = (first ?? []).flatMap((part, i) =>
    i % 2 === 1 && parts.some((one) => one[i] !== part) ? [i] : [],
  );
  return parts.map((one, i) => {
    const path = paths[i]!;
    const at = one.length === 3 ? 1 : isAlike && varying.length === 1 ? varying[0]! : null;
    const digits = at === null ? undefined : one[at];
    if (digits !== undefined && digits.length <= 15) return Number(digits);
    const what =
      one.length === 1 ? 'no frame' : at === null ? 'several numbers' : 'a number too large';
    throw bad(`${path} names ${what}`, path, HOW_TO_NAME);
  });
}

async function picturesIn(folder: string): Promise<string[]> {
  const facts = await stat(folder).catch(() => undefined);
  if (!facts?.isDirectory()) {
    throw new FrameloomError(
      facts ? 'bad-data' : 'not-found',
      facts ? `${folder} is no folder of keyframes` : `there is no folder ${folder}`,
      { path: folder, hint: 'name the folder that holds the painted frames' },
    );
  }
  const names = (await readdir(folder)).sort(naturalOrder);
  const isPicture = (name: string): boolean => PICTURE_EXTENSIONS.has(extname(name).toLowerCase());
  const pictures = names.filter((name) => !name.startsWith('.') && isPicture(name));
  if (pictures.length === 0) {
    throw bad(`${folder} holds no picture`, folder, `put painted frames into it: ${HOW_TO_NAME}`);
  }
  return pictures.map((name) => join(folder, name));
}

/** From a number in a name to the place of its frame. */
function frameOfNumber(
  number: number,
  path: string,
  { clip, firstNumber }: { clip: KeyframedClip; firstNumber: number | undefined },
): number {
  const own = clip.sequence?.numbers;
  if (own) {
    const frame = own.indexOf(number);
    if (frame >= 0) return frame;
    const extent = `which has ${own[0] ?? 0} to ${own.at(-1) ?? 0}`;
    throw bad(
      `${path} is of the picture ${number}, which is not among those of ${clip.path}, ${extent}`,
      path,
      'a painting has the number of the picture that it was painted over',
    );
  }
  const first = firstNumber ?? USUAL_FIRST_NUMBER;
  const frame = number - first;
  if (frame < 0) {
    throw bad(
      `${path} is of frame ${number}, and frames are counted from ${first}`,
      path,
      `where the first frame is ${number}: --set ${KEY}.firstNumber=${number}`,
    );
  }
  const { frameCount } = clip.info;
  if (frameCount !== null && frame >= frameCount) {
    throw bad(
      `${path} is of frame ${number}, and ${clip.path} has frames ${first} to ${first + frameCount - 1}`,
      path,
      `${HOW_TO_NAME}; ${KEY}.firstNumber says what the first is called`,
    );
  }
  return frame;
}

function frameOfTime(seconds: number, path: string, { path: clip, info }: KeyframedClip): number {
  const frame = frameNear(info, seconds);
  const { frameCount, durationSeconds } = info;
  if ((frameCount ?? Infinity) > frame && (durationSeconds ?? Infinity) > seconds) return frame;
  const end = durationSeconds === null ? '' : ` after ${durationSeconds.toFixed(2)} s`;
  throw bad(`${path} is of ${seconds} s, and ${clip} ends${end}`, path, HOW_TO_NAME);
}

/**
 * The pictures of a folder by the frames that their names name, in the order of these. A name that ends in
 * `12.5s` names a time after the first frame, and with it the frame that is shown nearest to it; any other names a
 * number, which is that of the picture where the clip is made of numbered pictures.
 *
 * @param firstNumber what the first frame of a video is called; 1 unless given
 * @throws FrameloomError not-found (no such folder), bad-data: no picture, a name that names no frame or several,
 *   a frame that is not of the clip, two pictures of one frame
 */
export async function findKeyframes(
  folder: string,
  clip: KeyframedClip,
  firstNumber: number | undefined,
): Promise<NamedKeyframe[]> {
  if (firstNumber !== undefined && clip.sequence?.numbers) {
    throw new FrameloomError(
      'bad-option',
      `${KEY}.firstNumber says nothing of ${clip.path}, whose pictures have numbers of their own`,
      { path: `${KEY}.firstNumber`, hint: 'leave it out' },
    );
  }
  const paths = await picturesIn(folder);
  const timed = paths.map(secondsIn);
  const numbered = paths.filter((_, i) => timed[i] === undefined);
  const numbers = new Map(numbersIn(numbered).map((number, i) => [numbered[i]!, number]));
  const found = paths.map((path, i): NamedKeyframe => {
    const seconds = timed[i];
    const frame =
      seconds === undefined
        ? frameOfNumber(numbers.get(path)!, path, { clip, firstNumber })
        : frameOfTime(seconds, path, clip);
    return { path, frame };
  });
  found.sort((a, b) => a.frame - b.frame);
  const twin = found.find(({ frame }, i) => found[i + 1]?.frame === frame);
  if (twin) {
    const other = found[found.indexOf(twin) + 1]!;
    throw bad(
      `${twin.path} and ${other.path} are of the same frame`,
      other.path,
      'take one of them away',
    );
  }
  return found;
}
