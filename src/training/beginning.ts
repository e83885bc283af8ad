import { FrameloomError } from '../base/error.js';
import { asGiven } from '../base/caller.js';
import type { Logger } from '../base/log.js';
import {
  createDiscriminators,
  createGenerator,
  generatorWidth,
  isOfActions,
  isOfLooks,
  transferParameters,
} from '../networks/index.js';
import type { GivenWeights, Model } from './model.js';
import { assertSameGenerator, type Origin, type OriginCondition } from './run/origin.js';

/** What a training begins with instead of random numbers. */
export interface Beginning extends GivenWeights {
  /** Why the discriminators begin anew; null where they do not. */
  readonly whyNoJudges: string | null;
  /** Names or numbers of the classes that the origin does not know. */
  readonly newClasses: readonly string[];
  /** Whether the origin knows nothing, or not all, of what looks are told by. */
  readonly learnsLooks: boolean;
  /** Whether the origin was told other actions, or none. */
  readonly learnsActions: boolean;
}

const hint = 'name another source, or train without --from';

/**
 * The origin's channel for each of the condition here; null for a class that it does not know.
 * @throws FrameloomError bad-option where one condition does not mean what the other does
 */
function matchConditions(own: OriginCondition, { condition: theirs, place }: Origin) {
  const said = ({ kind, content, channels, preset }: OriginCondition): string => {
    if (kind === 'none') return 'no condition';
    if (content === 'labels') return `label maps of ${channels} classes`;
    const what = kind === 'derived' ? (preset ?? 'a filtergraph of its own') : 'paired pictures';
    return `${what} of ${channels} channel${channels === 1 ? '' : 's'}`;
  };
  const differ = (why: string, path = 'data.condition'): FrameloomError =>
    new FrameloomError(
      'bad-option',
      `${place} was trained on ${said(theirs)}, and this pipeline is of ${said(own)}${why}`,
      { path, hint },
    );
  const isSameKind =
    own.kind === theirs.kind && own.content === theirs.content && own.preset === theirs.preset;
  if (!isSameKind) throw differ('');
  if (own.content !== 'labels') {
    if (own.channels !== theirs.channels) throw differ('');
    return { channelOf: (channel: number) => channel, newClasses: [], isSame: true };
  }
  const [names, known] = [own.classNames, theirs.classNames];
  if ((names.length === 0) !== (known.length === 0)) {
    throw differ(`: the classes of one of them have no names`, 'data.condition.palette');
  }
  const all = Array.from({ length: own.channels }, (_, i) => i);
  const channels = all.map((i) => {
    const name = names[i];
    // Without names, a class is its number.
    const at = name === undefined ? i : known.indexOf(name);
    return at >= 0 && at < theirs.channels ? at : null;
  });
  if (channels.every((channel) => channel === null)) {
    throw differ(': no class is called the same', 'data.condition.palette');
  }
  return {
    channelOf: (channel: number) => channels[channel] ?? null,
    newClasses: all.filter((i) => channels[i] === null).map((i) => names[i] ?? String(i)),
    isSame: own.channels === theirs.channels && channels.every((channel, i) => channel === i),
  };
}

/**
 * What a training of a model begins with where it starts from another: the averaged generator, and a run's
 * discriminators where all of their weights fit. Of a condition with other classes, those of the same name are taken
 * wherever they are; new ones begin as they would without an origin.
 * @param condition that of the model
 * @throws FrameloomError bad-option where settings or conditions contradict each other, naming the key; bad-snapshot
 *   where its weights are of other networks than those of this version
 */
export function beginAs(
  origin: Origin,
  model: Model,
  condition: OriginCondition,
  seed: number,
): Beginning {
  const { generator, discriminators } = model;
  assertSameGenerator(generator.options, origin);
  const { channelOf, newClasses, isSame } = matchConditions(condition, origin);
  const { channels, actions: theirActions = [] } = origin.condition;
  const { actions: ownActions = [] } = condition;
  // Of other columns, or in another order, each number would mean something else.
  const knowsActions = theirActions.join('\n') === ownActions.join('\n');
  const named = (prefix: string) =>
    Object.fromEntries(
      Object.entries(origin.tensors)
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, tensor]) => [name.slice(prefix.length), tensor] as const)
        .filter(([name]) => knowsActions || !isOfActions(name)),
    );
  const made = transferParameters(
    generator.layout,
    generator.layout.initialize(seed),
    createGenerator(origin.generator, channels, theirActions.length).layout,
    named('average.'),
    channelOf,
  );
  const missing = made.unfit.find((name) => !isOfLooks(name) && !isOfActions(name));
  if (missing !== undefined) {
    throw new FrameloomError(
      'bad-snapshot',
      `the generator of ${origin.place} has no ${missing} as this version’s networks have it`,
      { path: origin.place, hint },
    );
  }
  const anew = { discriminators: null, spectral: null };
  const common = { generator: made.flat, newClasses, ...anewOf(made.unfit) };
  if (!origin.judges) {
    return { ...common, ...anew, whyNoJudges: 'an exported file holds none' };
  }
  const { frame, sequence } = origin.judges;
  const theirs = createDiscriminators(
    frame,
    sequence,
    channels,
    generatorWidth(origin.generator),
    theirActions.length,
  );
  const judges = transferParameters(
    discriminators.layout,
    discriminators.layout.initialize(seed),
    theirs.layout,
    named('discriminators.'),
    channelOf,
  );
  // What judges of one that was told otherwise know of pictures is worth keeping too.
  if (judges.unfit.some((name) => !isOfActions(name))) {
    return { ...common, ...anew, whyNoJudges: `theirs have no ${judges.unfit[0]} of that shape` };
  }
  const spectral = origin.tensors.spectral?.data;
  const fits =
    isSame &&
    judges.unfit.length === 0 &&
    spectral?.length === discriminators.spectralNorm.layout.size;
  return {
    ...common,
    discriminators: judges.flat,
    spectral: fits ? spectral : null,
    whyNoJudges: null,
  };
}

const anewOf = (unfit: readonly string[]): Pick<Beginning, 'learnsLooks' | 'learnsActions'> => ({
  learnsLooks: unfit.some(isOfLooks),
  learnsActions: unfit.some(isOfActions),
});

/** Says what is taken, and what begins anew. */
export function sayBeginning(origin: Origin, beginning: Beginning, log: Logger): void {
  const { place, step, weights, precision } = origin;
  const { whyNoJudges, newClasses, learnsLooks, learnsActions } = beginning;
  const judges =
    whyNoJudges === null
      ? 'generator and discriminators are taken'
      : `the generator is taken, discriminators begin anew (${whyNoJudges})`;
  const classes = newClasses.length === 0 ? '' : `; new to it: ${newClasses.join(', ')}`;
  const looks = learnsLooks ? '; what looks are told by begins anew' : '';
  const actions = learnsActions ? '; what actions are told by begins anew' : '';
  log.info(
    `starting from ${place}, step ${step} (weights ${weights.slice(0, 12)}): ${judges}${classes}${looks}${actions}`,
  );
  if (precision === 'float16') {
    log.warn(
      `${place} holds its weights at half precision: what was rounded off is lost (${asGiven('--from RUN', 'the run')} takes them whole)`,
    );
  }
}
