export type View = 'split' | 'over' | 'solo';

/** How pictures lie on the stage: side by side or one above the other, and how large. */
export interface Arrangement {
  readonly direction: 'row' | 'column';
  /** CSS pixels of one picture. */
  readonly width: number;
  readonly height: number;
}

/** A whole number of the screen's pixels is taken where that costs no more of the width than this. */
const WORTH_WHOLE = 0.12;

/**
 * The largest pictures that fit, in whole pixels of the screen for each pixel of theirs where that takes
 * little: then all pixels look alike.
 * @param room CSS pixels
 * @param pictures how many of them are shown at once
 * @param above CSS pixels above each picture that its title takes
 * @param ratio pixels of the screen in a CSS pixel
 */
export function arrange(
  room: { readonly width: number; readonly height: number },
  picture: { readonly width: number; readonly height: number },
  pictures: 1 | 2,
  gap: number,
  above: number,
  ratio: number,
): Arrangement {
  const fit = (columns: number, rows: number): number =>
    Math.max(
      0,
      Math.min(
        (room.width - (columns - 1) * gap) / columns / picture.width,
        ((room.height - (rows - 1) * gap) / rows - above) / picture.height,
      ),
    );
  const [row, column] = pictures === 1 ? [fit(1, 1), 0] : [fit(2, 1), fit(1, 2)];
  const direction = column > row ? 'column' : 'row';
  const most = Math.max(row, column) * ratio;
  const whole = Math.floor(most);
  const scale = whole >= 1 && whole >= most * (1 - WORTH_WHOLE) ? whole : most;
  return {
    direction,
    width: (picture.width * scale) / ratio,
    height: (picture.height * scale) / ratio,
  };
}
