import { derivedFiltergraph } from '../clips/condition-plan.js';
import type { DataOptions } from '../clips/index.js';

const FITS: Readonly<Record<DataOptions['fit'], string>> = {
  crop: 'what is over at the edges cut off',
  pad: 'black bars around it',
  stretch: 'both sides stretched apart',
};

/** Characters of it that go into a file: a filtergraph may be long, and the pipeline has all of it. */
const MOST = 900;

/**
 * What the condition of a generator is made of and how it comes to its size, for whoever has the file
 * and not Frameloom.
 */
export function describeInput(data: DataOptions): string {
  const { condition, fit, size, actions } = data;
  if (actions) {
    const told = `actions ${Object.keys(actions.columns).join(', ')}; ${describeInput({ ...data, actions: undefined })}`;
    return told.length > MOST ? `${told.slice(0, MOST)} …` : told;
  }
  const sized = `at ${size.width}x${size.height}, ${FITS[fit]}`;
  if (condition.kind === 'none') return `no condition; frames ${sized}`;
  if (condition.kind === 'paired') {
    const what = condition.content === 'labels' ? 'label maps, nearest pixels' : 'pictures';
    return `${what} ${sized}`;
  }
  const graph = derivedFiltergraph(condition, size);
  const words = `${condition.preset ?? 'custom'} of the frame ${sized}, by ffmpeg's filters ${graph}`;
  return words.length > MOST ? `${words.slice(0, MOST)} …` : words;
}
