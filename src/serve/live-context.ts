import { join } from 'node:path';
import type { Logger } from '../base/log.js';
import type { TrainingClips } from './clips.js';
import type { ModelShelf, TakenModel } from './model-shelf.js';
import type { FilterOptions } from './picture-filter.js';
import type { RecordedModel } from './recording-pipeline.js';

/** What everything that a client may ask for is made of; there once the model is loaded. */
export interface LiveContext {
  readonly shelf: ModelShelf;
  readonly clips: TrainingClips;
  readonly filter: FilterOptions;
  /** Why pictures cannot become conditions; null where they can. */
  readonly filterUnavailable: string | null;
  readonly recorded: RecordedModel;
  /** Frames a second that sessions begin with. */
  readonly fps: number;
}

/** What is known before. */
export interface LivePlace {
  /** As it was named. */
  readonly place: string;
  /** Where drawings and recordings lie. */
  readonly folder: string;
  readonly log: Logger;
}

export const recordingsOf = ({ folder }: LivePlace): string => join(folder, 'recordings');
export const drawingsOf = ({ folder }: LivePlace): string => join(folder, 'drawings');

/** What a recording is made of. */
export const recordedModel = (
  // Of an exported file, whose pipeline holds the palette itself.
  { layout, data }: Pick<TakenModel, 'layout' | 'data'>,
  sections: Readonly<Record<string, unknown>> = {},
): RecordedModel => ({
  ...{ layout, sections },
  condition: data.condition,
  actions: data.actions,
});
