import type { Rotation } from './types.js';

/** How players turn what is stored, in their order: first mirrored left to right, then turned clockwise. */
export interface Orientation {
  readonly mirrored: boolean;
  /** Clockwise degrees. */
  readonly rotation: Rotation;
}

/** As ffprobe tells it of a stream or a frame. */
export interface OrientationSource {
  readonly side_data_list?:
    readonly { rotation?: number | undefined; displaymatrix?: string | undefined }[] | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

const UPRIGHT: Orientation = { mirrored: false, rotation: 0 };

const quarterTurns = (degrees: number): Rotation =>
  ([0, 90, 180, 270] as const)[((Math.round(degrees / 90) % 4) + 4) % 4] ?? 0;

/** EXIF's numbers (CIPA DC-008, tag Orientation), which old versions of ffmpeg give as a word only. */
const EXIF: readonly Orientation[] = [
  UPRIGHT,
  UPRIGHT,
  { mirrored: true, rotation: 0 },
  { mirrored: false, rotation: 180 },
  { mirrored: true, rotation: 180 },
  { mirrored: true, rotation: 270 },
  { mirrored: false, rotation: 90 },
  { mirrored: true, rotation: 90 },
  { mirrored: false, rotation: 270 },
];

/** The upper left 2×2 of a display matrix, 16.16 fixed point, printed in rows of three. */
function fromMatrix(text: string): Orientation | undefined {
  const rows = [...text.matchAll(/\d{8}:\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)/g)];
  const [a, b] = [Number(rows[0]?.[1]), Number(rows[0]?.[2])];
  const [c, d] = [Number(rows[1]?.[1]), Number(rows[1]?.[2])];
  if (![a, b, c, d].every(Number.isFinite)) return undefined;
  const mirrored = a * d - b * c < 0;
  // The picture's x axis goes to (a, b) on the screen, whose y axis points down; mirrored first, to (−a, −b).
  const [x, y] = mirrored ? [-a, -b] : [a, b];
  return { mirrored, rotation: quarterTurns((Math.atan2(y, x) * 180) / Math.PI) };
}

/** How a stream, or the first frame of one, is to be shown. */
export function orientationOf(...sources: readonly (OrientationSource | undefined)[]): Orientation {
  for (const source of sources) {
    const data = source?.side_data_list?.find(
      (entry) => entry.displaymatrix !== undefined || entry.rotation !== undefined,
    );
    if (data) {
      const told = data.displaymatrix === undefined ? undefined : fromMatrix(data.displaymatrix);
      // Counter-clockwise, where only the number is there.
      return told ?? { mirrored: false, rotation: quarterTurns(-(data.rotation ?? 0)) };
    }
    if (source?.tags?.rotate !== undefined) {
      return { mirrored: false, rotation: quarterTurns(Number(source.tags.rotate)) };
    }
    const exif = EXIF[Number(source?.tags?.Orientation)];
    if (exif) return exif;
  }
  return UPRIGHT;
}

/** ffmpeg's filters for it. */
export function orientationFilters({ mirrored, rotation }: Orientation): string[] {
  const turn = {
    0: [],
    90: ['transpose=dir=clock'],
    180: ['hflip', 'vflip'],
    270: ['transpose=dir=cclock'],
  }[rotation];
  return [...(mirrored ? ['hflip'] : []), ...turn];
}
