import { asGiven } from '../base/caller.js';
import { FrameloomError, messageOf } from '../base/error.js';
import { silentLogger, type Logger } from '../base/log.js';
import { setupCommand } from '../base/own-package.js';

/** What a caller may ask for: `tensorflow` is native TensorFlow, on a GPU or not. */
export const BACKEND_CHOICES = ['auto', 'tensorflow', 'webgpu', 'wasm', 'cpu'] as const;
export type BackendChoice = (typeof BACKEND_CHOICES)[number];
export type BackendName = 'tensorflow-gpu' | 'tensorflow' | 'webgpu' | 'wasm' | 'cpu';

/** One way to run tensors, best first in a ladder. */
export interface Rung {
  readonly name: BackendName;
  readonly family: Exclude<BackendChoice, 'auto'>;
  /**
   * Loads it and makes it TF.js's backend; throws why it cannot be used.
   * @param byName whether somebody asked for this rung and no other
   * @returns what there is to say of it
   */
  load(byName: boolean): Promise<Loaded>;
}

export interface Loaded {
  /** What it runs on. */
  readonly about?: string;
  /** What whoever waits for it should know. */
  readonly warning?: string;
}

/** A rung that was tried, or would have been, and why it is not the one. */
export interface PassedOver {
  readonly name: BackendName;
  readonly why: string;
}

export interface Choice {
  readonly name: BackendName;
  readonly reason: string;
  readonly passedOver: readonly PassedOver[];
}

/** How much slower training is below native TensorFlow: convolution at 1.8 against 190 GFLOP/s. */
const SLOWER = 'training will be about 100 times slower than on native TensorFlow';
const hint = (): string => `run: ${setupCommand()}; doctor says what is missing`;

/**
 * What to prefer: the caller's word, else FRAMELOOM_BACKEND, else the best there is.
 *
 * @throws FrameloomError `bad-option` when FRAMELOOM_BACKEND is none of {@link BACKEND_CHOICES}
 */
export function resolvePreference(
  asked: BackendChoice | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): BackendChoice {
  if (asked !== undefined && asked !== 'auto') return asked;
  const named = env.FRAMELOOM_BACKEND;
  if (named === undefined || named === '') return 'auto';
  const choice = BACKEND_CHOICES.find((name) => name === named);
  if (choice !== undefined) return choice;
  throw new FrameloomError('bad-option', `FRAMELOOM_BACKEND is "${named}"`, {
    hint: `use one of ${BACKEND_CHOICES.join(', ')}`,
  });
}

/**
 * Loads the first rung that can be loaded, and says aloud which and why.
 *
 * @param prefer other than `auto`, only rungs of that family will do
 * @param native of those that nobody asked for by name, only native TensorFlow will do
 * @throws FrameloomError `backend` when none can be loaded, naming why for each
 */
export async function climb(
  rungs: readonly Rung[],
  prefer: BackendChoice,
  log: Logger = silentLogger,
  native = false,
): Promise<Choice> {
  const family = prefer === 'auto' && native ? 'tensorflow' : prefer;
  const wanted = rungs.filter((rung) => family === 'auto' || rung.family === family);
  const passedOver: PassedOver[] = [];
  let cause: unknown;
  for (const rung of wanted) {
    let loaded: Loaded = {};
    try {
      loaded = await rung.load(prefer !== 'auto');
    } catch (error) {
      cause = error;
      const why = messageOf(error).split('\n')[0]!;
      passedOver.push({ name: rung.name, why });
      log.debug(`backend ${rung.name} passed over: ${why}`);
      continue;
    }
    const choice = { name: rung.name, reason: reasonFor(prefer, passedOver), passedOver };
    say(rung, choice, loaded, prefer === 'auto' ? `${SLOWER} (${hint()})` : SLOWER, log);
    return choice;
  }
  if (prefer === 'auto' && native) throw nativeNeeded(passedOver, cause);
  const why = passedOver.map((rung) => `${rung.name}: ${rung.why}`).join('; ');
  throw new FrameloomError(
    'backend',
    prefer === 'auto'
      ? `no TensorFlow.js backend can be used (${why})`
      : `the ${prefer} backend cannot be used (${why})`,
    { hint: hint(), cause },
  );
}

/** For what takes about 100 times as long without native TensorFlow, and is better not begun. */
export function nativeNeeded(passedOver: readonly PassedOver[], cause?: unknown): FrameloomError {
  const why = passedOver.find((rung) => rung.name === 'tensorflow')?.why ?? 'it was passed over';
  return new FrameloomError(
    'backend',
    `this takes about 100 times as long without native TensorFlow (${why})`,
    {
      hint: `run: ${setupCommand()}; or insist: ${asGiven('--backend wasm', "prefer: 'wasm'")}, FRAMELOOM_BACKEND=wasm`,
      cause,
    },
  );
}

function reasonFor(prefer: BackendChoice, passedOver: readonly PassedOver[]): string {
  if (prefer !== 'auto') return `${prefer} was asked for`;
  if (passedOver.length === 0) return 'it is the best there is';
  return passedOver.map((rung) => `not ${rung.name}: ${rung.why}`).join('; ');
}

function say(
  { family }: Rung,
  { name, reason }: Choice,
  { about, warning }: Loaded,
  slower: string,
  log: Logger,
): void {
  const line = `backend: ${name} (${reason})${about === undefined ? '' : ` on ${about}`}`;
  if (warning !== undefined) return log.warn(`${line}; ${warning}`);
  if (family === 'tensorflow' || family === 'webgpu') return log.info(line);
  log.warn(`${line}; ${slower}`);
}
