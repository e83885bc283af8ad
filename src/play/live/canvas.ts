import { FrameloomError } from '../../base/error.js';
import { LatencyMeter } from '../../synthesis/engines/latency.js';
import { blankCondition } from '../blank.js';
import type { PlayClock } from '../clock.js';
import type { Player } from '../player-types.js';
import { assertInClip, BasePlayback } from './base.js';
import { compose, type Drawn } from './drawing.js';
import type { ClientMessage, StateMessage } from './messages.js';
import type { LiveClips } from './services.js';

/** What the next frame is made of: what the page drew, over what plays beneath. */
export class Canvas {
  readonly #player: () => Player;
  readonly #clips: LiveClips | undefined;
  readonly #clock: PlayClock;
  /** Told where what plays beneath cannot go on. */
  readonly #fail: (error: unknown) => void;
  readonly #answered = new LatencyMeter();
  #base: BasePlayback | null = null;
  #shows = false;
  #drawn: Drawn | null = null;
  #newest = 0;
  /** When the first drawing came that no frame was made of yet. */
  #arrivedMs: number | null = null;
  /** The same of the frame that is being made. */
  #making = { newest: 0, arrivedMs: null as number | null };

  constructor(options: {
    readonly player: () => Player;
    readonly clips: LiveClips | undefined;
    readonly clock: PlayClock;
    readonly fail: (error: unknown) => void;
  }) {
    this.#player = options.player;
    this.#clips = options.clips;
    this.#clock = options.clock;
    this.#fail = options.fail;
  }

  /** How long drawings waited for the frame that was made of them. */
  get answered() {
    return this.#answered.figures;
  }
  /** What plays beneath. */
  get base(): StateMessage['base'] {
    const { clip, frame } = this.#base ?? {};
    return clip === undefined || frame === undefined ? null : { clip, frame, show: this.#shows };
  }

  /** @throws FrameloomError bad-input where it makes no sense: what was drawn before stays */
  draw(drawn: Drawn, number: number): void {
    this.#player().setCondition(drawn.pixels);
    this.#drawn = drawn;
    this.#newest = number;
    this.#arrivedMs ??= this.#clock.now();
    this.#player().hurry();
  }

  /** @throws FrameloomError bad-option where there is no such clip or frame; bad-call where there is no condition */
  play({ clip, frame = 0, show = false }: Extract<ClientMessage, { type: 'base' }>): void {
    this.#base?.end();
    this.#base = null;
    this.#shows = show;
    if (clip === null) return;
    const { layout, width, height } = this.#player();
    if (layout.content === 'none') {
      throw new FrameloomError('bad-call', 'this generator takes no condition');
    }
    assertInClip(this.#clips, clip, frame);
    const base = new BasePlayback(
      this.#clips,
      { clip, frame, size: { width, height } },
      (error) => {
        if (this.#base === base) this.#base = null;
        this.#fail(error);
      },
    );
    this.#base = base;
  }

  /** What plays goes on from this frame, where it is of this clip. @returns whether it is */
  seek(clip: number, frame: number): boolean {
    if (this.#base?.clip !== clip) return false;
    const { frames } = this.#clips!.list[clip]!;
    this.play({ type: 'base', clip, frame: frame % frames, show: this.#shows });
    return true;
  }

  /** What was drawn is of another size; what plays goes on in the new one. */
  resized(): void {
    this.#drawn = null;
    this.#arrivedMs = null;
    if (this.#base) this.seek(this.#base.clip, this.#base.frame);
  }

  /** Puts together what the next frame is made of. */
  beforeFrame(): void {
    this.#making = { newest: this.#newest, arrivedMs: this.#arrivedMs };
    this.#arrivedMs = null;
    const player = this.#player();
    const blank = blankCondition(player);
    if (!blank) return;
    player.setCondition(compose(this.#base?.next() ?? blank, this.#drawn, player.layout));
  }

  /** @returns the newest drawing that the frame was made of, and whether the page is to see all that it was made of */
  afterFrame(): { readonly newest: number; readonly shows: boolean } {
    const { newest, arrivedMs } = this.#making;
    if (arrivedMs !== null) this.#answered.add(this.#clock.now() - arrivedMs);
    return { newest, shows: this.#shows && this.#base !== null };
  }

  end(): void {
    this.#base?.end();
  }
}
