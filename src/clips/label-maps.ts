import { FrameloomError } from '../base/error.js';
import type { VideoInfo } from '../video/index.js';
import { filesOf } from '../video/sequence.js';
import type { LabelReader } from './labels.js';
import { headerOf, type PictureHeader } from './picture-header.js';

/** Whether a decoder of ffmpeg's would give other numbers than the ids that stand in the file. */
const isUnlike = ({ bitDepth, isPalette }: PictureHeader): boolean => bitDepth > 8 || isPalette;

/**
 * Whether the ids of a sequence are read by `ID_PICTURES`: its first picture is a PNG of 16 bits, of few,
 * or with a table of colours.
 */
export async function holdsIdPictures(
  { path, kind }: Pick<VideoInfo, 'path' | 'kind'>,
  labels: LabelReader,
): Promise<boolean> {
  if (!labels.holdsIds || path === null || kind !== 'sequence') return false;
  const [first] = await filesOf(path);
  const found = first === undefined ? undefined : await headerOf(first);
  return found?.format === 'png' && isUnlike(found);
}

/** @param other a picture of the same maps that is stored as ids are; none where it is the first */
function assertIds(
  path: string,
  { bitDepth, isPalette, format }: PictureHeader,
  other?: string,
): void {
  const alike =
    other === undefined
      ? 'store them as PNG pictures, whose ids are read as they are'
      : `store all maps of a clip alike: ${other} is of another kind`;
  if (bitDepth > 8) {
    throw new FrameloomError('bad-data', `${path} holds ${bitDepth}-bit ids`, {
      hint: format === 'png' && other === undefined ? 'store all maps alike' : alike,
      path,
    });
  }
  if (isPalette) {
    throw new FrameloomError(
      'bad-data',
      `${path} is a picture with a palette of its own, or of few bits, which decoders change into other numbers`,
      { hint: `${alike}; or give palette: {name: [red, green, blue], …} instead of classes`, path },
    );
  }
}

/**
 * Says of label maps whether they can be read without changing a label: each picture of a sequence
 * is looked at, for one of another kind among them would be read as other labels in silence.
 * @throws FrameloomError bad-data for ids of more than 8 bits or in pictures with a palette, and for
 *   maps of several sizes
 */
export async function assertLabelMaps(
  info: Pick<VideoInfo, 'path' | 'kind' | 'pixelFormat' | 'bitDepth'>,
  labels: LabelReader,
): Promise<void> {
  const { path, bitDepth, pixelFormat } = info;
  const files = path === null || info.kind !== 'sequence' ? [] : await filesOf(path);
  const readsIds = await holdsIdPictures(info, labels);
  let first: { file: string; size: string } | undefined;
  let known = 0;
  for (const file of files) {
    const kind = await headerOf(file);
    if (!kind) continue;
    known += 1;
    if (labels.holdsIds && !readsIds) {
      if (isUnlike(kind)) assertIds(file, kind, file === files[0] ? undefined : files[0]);
    } else if (readsIds && kind.format !== 'png') {
      assertIds(files[0]!, { ...kind, isPalette: true }, file);
    }
    const { size } = kind;
    if (size === undefined) continue;
    first ??= { file, size };
    if (size !== first.size) {
      throw new FrameloomError(
        'bad-data',
        `${file} is of ${size} pixels, ${first.file} of ${first.size}`,
        {
          hint: 'label maps of one clip have to be of one size: no label can be mixed of two',
          path: file,
        },
      );
    }
  }
  // The header of each said it more exactly.
  if (!labels.holdsIds || (files.length > 0 && files.length === known)) return;
  const format = 'netpbm';
  assertIds(path ?? 'the stream', { format, bitDepth, isPalette: pixelFormat === 'pal8' });
}
