import { trainingOptions } from '../training/options.js';
import { assertSameGenerator, type Origin } from '../training/run/origin.js';
import { dotted } from './problems.js';
import type { Override } from './overrides.js';
import type { Pipeline } from './schema.js';

type Section = Readonly<Record<string, unknown>>;

const sectionOf = (raw: Section, name: string): Section => {
  const own = raw[name];
  return typeof own === 'object' && own !== null && !Array.isArray(own) ? (own as Section) : {};
};

/** What a file or an override has said of a key of a section, as it was said. */
const isSaid = (section: Section, key: string): boolean => section[key] !== undefined;

/**
 * What a pipeline says, with what an origin decides where it says nothing: the generator's settings, and that a
 * trained generator needs no gentle beginning. It rolls out whole rollouts and is warmed up from the first step; the
 * discriminators of a run, which know it, are heard at once and see sharply.
 * @param yields whether the file's own settings of the generator give way too, because nobody wrote them for this
 * @param overrides what was said beside the file, which never gives way
 */
export function adopt(
  raw: Section,
  { generator, judges }: Origin,
  { yields, overrides }: { readonly yields: boolean; readonly overrides: readonly Override[] },
): Section {
  const insisted = (key: string): boolean =>
    overrides.some(({ path }) => dotted(path) === 'generator' || dotted(path) === key);
  const own = sectionOf(raw, 'generator');
  const kept = Object.entries(own).filter(([key]) => !yields || insisted(`generator.${key}`));
  const training = sectionOf(raw, 'training');
  const rollout = sectionOf(training, 'rollout');
  const warmUp = sectionOf(training, 'warmUp');
  const isUsual = !isSaid(training, 'stability') || training.stability === 'auto';
  return {
    ...raw,
    generator: { ...generator, ...Object.fromEntries(kept) },
    training: {
      ...training,
      rollout: { startFrames: training.frames ?? trainingOptions.parse({}).frames, ...rollout },
      warmUp: { fromStep: 0, ...warmUp },
      ...(isUsual && judges && { stability: { rampUp: '0%', blurPixels: 0 } }),
    },
  };
}

/** @throws FrameloomError bad-option, naming the key that contradicts the origin */
export const assertAdopted = ({ generator }: Pipeline, origin: Origin): void =>
  assertSameGenerator(generator, origin);
