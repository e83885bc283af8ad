import { assertStyle, meanStyle, namedStyle } from '../../networks/clip-styles.js';
import type { LiveModel } from './services.js';

/**
 * The look that is asked for; null of a generator that is told none, where none is asked for.
 * @param wanted a clip's name or numbers in [−1, 1]; null for the mean of all
 * @throws FrameloomError bad-option for a name that there is not; bad-call for numbers of another generator
 */
export function chosenLook(
  wanted: string | readonly number[] | null,
  { styles = [], generator }: Pick<LiveModel['info'], 'styles' | 'generator'>,
): Float32Array | null {
  const channels = generator.styleChannels ?? 0;
  const look =
    wanted === null
      ? meanStyle(styles)
      : typeof wanted === 'string'
        ? namedStyle(styles, wanted)
        : Float32Array.from(wanted);
  assertStyle(look, channels);
  return channels === 0 ? null : look;
}
