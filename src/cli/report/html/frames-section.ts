import type { Picture } from '../../../synthesis/evaluate/pictures.js';
import { encodePng } from '../../../training/run/strip.js';
import { html, type Markup } from './markup.js';

/** Pictures of one moment, in the order in which they are shown. */
export interface Moment {
  readonly title: string;
  readonly pictures: readonly { readonly name: string; readonly picture: Picture }[];
}

const dataUri = (picture: Picture): string =>
  `data:image/png;base64,${Buffer.from(encodePng(picture)).toString('base64')}`;

/** As many pictures stand in a row, smaller where there is no room; of more, a row has as many as it has room for. */
const MOST_IN_A_ROW = 6;

/** As large as they are easily looked at: whole multiples of their pixels, so that each is seen as it is. */
function shownWidth(width: number, wanted: number): number {
  return width >= wanted ? wanted : width * Math.max(1, Math.round(wanted / width));
}

/** Moments one below the other, all pictures of one side by side. */
export function framesSection(moments: readonly Moment[]): Markup {
  const width = moments[0]?.pictures[0]?.picture.width ?? 0;
  const [shown, small] = [shownWidth(width, 320), Math.min(160, shownWidth(width, 160))];
  const sharp = width < 320 ? ' sharp' : '';
  const count = moments[0]?.pictures.length ?? 0;
  const many = count > MOST_IN_A_ROW ? ' many' : '';
  return html`${moments.map(
    ({ title, pictures }) =>
      html`<h3>${title}</h3>
        <div
          class="frames${sharp}${many}"
          style="--shown:${shown}px;--shown-small:${small}px;--columns:${count}"
        >
          ${pictures.map(
            ({ name, picture }) =>
              html`<figure>
                <img
                  src="${dataUri(picture)}"
                  width="${picture.width}"
                  height="${picture.height}"
                  alt="${name}, ${title}"
                />
                <figcaption>${name}</figcaption>
              </figure>`,
          )}
        </div>`,
  )}`;
}
