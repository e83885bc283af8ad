import { FrameloomError, isFrameloomError, messageOf } from '../../base/error.js';
import { systemClock, type PlayClock } from '../clock.js';
import type { PlayedFrame, Player } from '../player-types.js';
import { createPlayer } from '../player.js';
import { assertInClip } from './base.js';
import { Canvas } from './canvas.js';
import { ClipSender } from './clip-sender.js';
import { drawnFrom } from './drawing.js';
import { Latest } from './latest.js';
import { chosenLook } from './look.js';
import { PROTOCOL, type ClientMessage, type ServerMessage } from './messages.js';
import { modelMessage } from './model-message.js';
import { Outbox } from './outbox.js';
import { decodeFromPage, encodePacket, type Packet, type PageKind } from './packets.js';
import { decodeClient, encodeServer } from './protocol.js';
import { RecordingDesk } from './recording.js';
import type { LiveModel, LiveServices, Size } from './services.js';
import { assertPlayable, recordedSize, sameSize } from './size.js';

/** How often figures are told. */
const FIGURES_MS = 500;
/** Messages that make no sense, after which a page is taken for none. */
const MOST_SENSELESS = 20;

export interface SessionOptions {
  /** Whoever opened it releases it, once the session has ended. */
  readonly model: LiveModel;
  readonly services?: LiveServices | undefined;
  /** Hands a message to the page; a binary one has a buffer of its own. */
  readonly send: (message: string | Uint8Array<ArrayBuffer>) => void;
  /** Waited for between conditions of a clip, until what was sent has left. */
  readonly drained?: (() => Promise<void>) | undefined;
  /** Frames a second to begin with; 25 unless given. */
  readonly fps?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: PlayClock | undefined;
}

/** One page's world, whichever way its messages come. */
export interface LiveSession {
  /** Takes a message of the page. What is wrong with it is told to the page. */
  receive(message: string | Uint8Array): void;
  /**
   * Goes on with other weights, such as the newest of a training, at the size that is played.
   * @returns once the model before is no longer used
   */
  use(model: LiveModel): Promise<void>;
  /** Ends it: a recording is ended first, and all that was opened is let go. */
  close(): Promise<void>;
  /** Settles when it has ended, by whomever; rejects where a recording could not be ended. */
  readonly ended: Promise<void>;
}

/**
 * A live session: it takes what a page asks for, plays a generator, and tells the page what comes of it. It knows
 * nothing of how messages travel, so the same runs behind a WebSocket and in a worker.
 */
export const createSession = (options: SessionOptions): LiveSession => new Session(options);

const notOffered = (what: string): FrameloomError =>
  new FrameloomError('bad-call', `this session cannot ${what}`, {
    hint: 'the message `model` says what it can',
  });

class Session implements LiveSession {
  readonly ended: Promise<void>;
  readonly #services: LiveServices;
  readonly #options: SessionOptions;
  readonly #clock: PlayClock;
  readonly #player: Player;
  readonly #canvas: Canvas;
  readonly #outbox: Outbox;
  readonly #clips: ClipSender;
  readonly #recording: RecordingDesk;
  readonly #sizes: Latest<Size>;
  readonly #pictures: Latest<Packet<'picture'>>;
  #model: LiveModel;
  /** What lets the model go, where the session opened it. */
  #release: (() => Promise<void>) | null = null;
  #style: Float32Array | null;
  /** That was played before, which a page may still draw in. */
  #sizeBefore: Size;
  #greeted = false;
  #closed = false;
  /** What the page asked for; the player waits where the page or a recording is behind, all the same. */
  #wanted = true;
  /** Frames that are to be made while the world waits. */
  #steps = 0;
  #stepping = false;
  #senseless = 0;
  #toldFrames = 0;
  #unwatch: (() => void) | null = null;
  #end!: () => void;
  #fail!: (error: unknown) => void;

  constructor(options: SessionOptions) {
    const { model, services = {}, send, fps, signal, clock = systemClock } = options;
    const { drained = () => Promise.resolve() } = options;
    const { clips } = services;
    this.#options = options;
    this.#services = services;
    this.#clock = clock;
    this.#model = model;
    this.#sizeBefore = model;
    this.#style = model.style ?? null;
    const fail = (error: unknown): void => this.#tell(error);
    const failAndSay = (error: unknown): void => {
      this.#tell(error);
      this.#sayState();
      this.#settle();
    };
    this.#outbox = new Outbox(send, clock);
    this.#canvas = new Canvas({ player: () => this.#player, clips, clock, fail: failAndSay });
    this.#clips = new ClipSender({ clips, send, drained, fail });
    this.#recording = new RecordingDesk({ fail: failAndSay, room: () => this.#settle() });
    this.#sizes = new Latest((size) => this.#resize(size), fail);
    this.#pictures = new Latest((picture) => this.#filter(picture), fail);
    this.ended = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    this.#player = createPlayer(model, {
      ...{ fps, clock, paused: true, style: model.style },
      beforeFrame: () => this.#canvas.beforeFrame(),
      onFrame: (frame) => this.#onFrame(frame),
      onError: (error) => {
        this.#wanted = false;
        failAndSay(error);
      },
    });
    const abort = (): void => void this.close();
    signal?.addEventListener('abort', abort, { once: true });
    const forget = (): void => signal?.removeEventListener('abort', abort);
    this.ended.then(forget, forget);
    if (signal?.aborted) abort();
  }

  receive(message: string | Uint8Array): void {
    if (this.#closed) return;
    let decoded: ClientMessage | Packet<PageKind>;
    try {
      const { bytesPerPixel } = this.#model.layout;
      decoded =
        typeof message === 'string'
          ? decodeClient(message)
          : decodeFromPage(message, bytesPerPixel);
    } catch (error) {
      this.#tell(error);
      this.#senseless += 1;
      if (this.#senseless >= MOST_SENSELESS) this.#giveUp('the page sends what makes no sense');
      return;
    }
    try {
      if ('kind' in decoded) this.#take(decoded);
      else this.#obey(decoded);
    } catch (error) {
      this.#tell(error);
    }
  }

  async use(model: LiveModel): Promise<void> {
    if (this.#closed) return;
    const { width, height } = this.#player;
    const { open } = this.#services;
    if (sameSize(model, this.#player) || model.info.fixed || !open) return this.#play(model, null);
    const sized = await open({ width, height });
    if (this.#isOver()) return sized.release();
    return this.#play(sized, () => sized.release());
  }

  /** Not what was true before something was waited for. */
  #isOver(): boolean {
    return this.#closed;
  }

  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#unwatch?.();
      this.#canvas.end();
      this.#clips.end();
      this.#letGo().then(this.#end, this.#fail);
    }
    return this.ended;
  }

  async #letGo(): Promise<void> {
    await this.#player.stop();
    try {
      // What was recorded is kept, though nobody is told any more.
      if (this.#recording.isOn) await this.#recording.end();
    } finally {
      await this.#release?.();
    }
  }

  #obey(message: ClientMessage): void {
    if (!this.#greeted && message.type !== 'hello') {
      throw new FrameloomError('bad-call', `a page says hello before it asks for ${message.type}`);
    }
    if (message.type === 'shown') {
      this.#outbox.taken(message.frame);
      this.#settle();
    } else if (message.type === 'clip') {
      this.#clips.request(message, { width: this.#player.width, height: this.#player.height });
    } else if (message.type === 'actions') {
      // Many a second, and nothing of them stands in the state.
      this.#player.setActions(message.values);
      this.#player.hurry();
    } else {
      this.#change(message);
      this.#sayState();
    }
  }

  /** What changes how things stand. */
  #change(message: Exclude<ClientMessage, { readonly type: 'shown' | 'clip' | 'actions' }>): void {
    const player = this.#player;
    switch (message.type) {
      case 'hello':
        return this.#greet(message.protocol);
      case 'play':
      case 'pause':
        this.#wanted = message.type === 'play';
        this.#steps = 0;
        return this.#settle();
      case 'step':
        return this.#step(message.frames ?? 1);
      case 'reset':
        return player.reset(message.seed);
      case 'seed':
        return player.reseed(message.seed);
      case 'fps':
        return player.setPace({ fps: message.fps });
      case 'speed':
        return player.setPace({ speed: message.speed });
      case 'size':
        return this.#askSize({ width: message.width, height: message.height });
      case 'style':
        return this.#restyle(message.style);
      case 'start':
        return this.#startIn(message.clip, message.frame);
      case 'base':
        return this.#canvas.play(message);
      case 'record':
        return this.#record(message.on);
    }
  }

  #greet(protocol: number): void {
    if (protocol !== PROTOCOL) {
      return this.#giveUp(`the page speaks protocol ${protocol}, and this is ${PROTOCOL}`);
    }
    this.#greeted = true;
    this.#sayModel();
    this.#settle();
    this.#watch();
  }

  #take(packet: Packet<PageKind>): void {
    if (!this.#greeted) throw new FrameloomError('bad-call', 'a page says hello before it draws');
    const { kind, width, height, number, pixels } = packet;
    if (kind === 'picture') {
      if (!this.#services.filter) throw notOffered('make conditions of pictures');
      // A message is its transport's.
      return this.#pictures.put({ ...packet, kind, pixels: pixels.slice() });
    }
    if (kind !== 'firstPicture' && this.#model.layout.content === 'none') {
      throw new FrameloomError('bad-input', 'this generator takes no condition');
    }
    if (!sameSize(packet, this.#player)) {
      // The page may not have known yet.
      if (sameSize(packet, this.#sizeBefore)) return;
      const { width: now, height: nowHigh } = this.#player;
      throw new FrameloomError(
        'bad-input',
        `a ${kind} is ${width}x${height}, and frames are ${now}x${nowHigh}`,
      );
    }
    if (kind === 'firstPicture') return this.#player.start([pixels], null);
    const whole = kind === 'condition';
    const drawn = whole
      ? { pixels: pixels.slice(), mask: null }
      : drawnFrom(pixels, width * height);
    this.#canvas.draw(drawn, number);
  }

  #onFrame(frame: PlayedFrame): void {
    const { rgb, width, height, condition, actions, number, ms } = frame;
    const { newest, shows } = this.#canvas.afterFrame();
    this.#recording.add({ rgb, condition, ...(actions && { actions }) });
    const made = { kind: 'frame', ...{ width, height, number, newest, ms }, pixels: rgb } as const;
    const composed = { kind: 'composed', ...{ width, height, number } } as const;
    const shown = shows && condition ? [{ ...composed, pixels: condition }] : [];
    this.#outbox.put([...shown, made], number);
    this.#settle();
  }

  /** Plays or waits, as the page asked and as what takes the frames allows. */
  #settle(): void {
    if (this.#closed || !this.#greeted) return;
    const { isOn, isBehind } = this.#recording;
    const plays = this.#wanted && !(isOn ? isBehind : this.#outbox.isUnread);
    if (plays && !this.#player.playing) this.#player.play();
    else if (!plays && this.#player.playing) this.#player.pause();
  }

  #step(frames: number): void {
    this.#wanted = false;
    this.#settle();
    // One that is asked for while the last one is still handed over is one more.
    this.#steps += frames;
    if (!this.#stepping) void this.#makeSteps();
  }

  async #makeSteps(): Promise<void> {
    this.#stepping = true;
    try {
      while (this.#steps > 0 && !this.#closed) {
        this.#steps -= 1;
        await this.#player.step();
        await this.#recording.idle();
      }
    } catch (error) {
      if (!isFrameloomError(error, 'cancelled')) this.#tell(error);
    } finally {
      this.#steps = 0;
      this.#stepping = false;
    }
  }

  #askSize(size: Size): void {
    if (!this.#services.open || this.#model.info.fixed) throw notOffered('play another size');
    assertPlayable(size, this.#recording.isOn);
    this.#sizes.put(size);
  }

  async #resize(size: Size): Promise<void> {
    const model = await this.#services.open!(size);
    if (this.#closed) return model.release();
    // It began while the model was opened.
    if (this.#recording.isOn) {
      await model.release();
      throw recordedSize();
    }
    await this.#play(model, () => model.release());
  }

  /** Goes on with another model. @param release what lets it go, where it is the session's */
  async #play(model: LiveModel, release: (() => Promise<void>) | null): Promise<void> {
    const { width, height } = this.#player;
    const before = this.#release;
    this.#model = model;
    this.#release = release;
    const fits = this.#style?.length === model.style?.length;
    this.#style = (fits ? this.#style : model.style) ?? null;
    const used = this.#player.use(model, { style: this.#style ?? undefined });
    if (!sameSize(model, { width, height })) {
      this.#sizeBefore = { width, height };
      this.#outbox.clear();
      this.#canvas.resized();
    }
    this.#sayModel();
    this.#sayState();
    await used;
    await before?.();
  }

  #restyle(wanted: string | readonly number[] | null): void {
    const style = chosenLook(wanted, this.#model.info);
    if (!style) return;
    this.#player.setStyle(style);
    this.#style = style;
  }

  #startIn(clip: number, frame: number): void {
    const { clips } = this.#services;
    assertInClip(clips, clip, frame);
    const { historyFrames, conditionFrames } = this.#model.info.generator;
    const first = Math.max(0, frame + 1 - Math.max(1, historyFrames, conditionFrames));
    const { width, height } = this.#player;
    const read = async (): Promise<void> => {
      const real = await clips.frames(clip, first, frame + 1 - first, { width, height });
      if (this.#closed || !sameSize(this.#player, { width, height })) return;
      this.#player.start(real.frames, real.conditions, real.actions);
      if (this.#canvas.seek(clip, frame + 1)) this.#sayState();
    };
    read().catch((error: unknown) => this.#tell(error));
  }

  async #filter({ width, height, number, pixels }: Packet<'picture'>): Promise<void> {
    const size = { width: this.#player.width, height: this.#player.height };
    const condition = await this.#services.filter!({ width, height, rgb: pixels }, size);
    if (this.#closed || !sameSize(this.#player, size)) return;
    this.#canvas.draw({ pixels: condition, mask: null }, number);
    const told = { kind: 'filtered', ...size, number } as const;
    this.#options.send(encodePacket({ ...told, pixels: condition }));
  }

  #record(on: boolean): void {
    const { record } = this.#services;
    if (!record) throw notOffered('record');
    const { width, height, fps, layout } = this.#player;
    if (on) return this.#recording.begin(() => record({ width, height, fps, layout }));
    this.#recording.end().then(
      (recorded) => this.#say({ type: 'recorded', ...recorded }),
      (error: unknown) => this.#tell(error),
    );
    this.#settle();
  }

  /** Tells figures from time to time, to a page that reads. */
  #watch(): void {
    this.#unwatch?.();
    this.#unwatch = this.#clock.after(FIGURES_MS, () => {
      this.#watch();
      this.#settle();
      if (!this.#outbox.isUnread) this.#sayFigures();
    });
  }

  #sayFigures(): void {
    const { fps, frames, dropped, latency } = this.#player.figures;
    if (frames === this.#toldFrames) return;
    this.#toldFrames = frames;
    const { p50Ms, p95Ms } = latency;
    const { p50Ms: conditionP50Ms, p95Ms: conditionP95Ms } = this.#canvas.answered;
    const { unsent } = this.#outbox;
    const waited = { conditionP50Ms, conditionP95Ms };
    this.#say({ type: 'figures', ...{ fps, frames, dropped, unsent, p50Ms, p95Ms }, ...waited });
  }

  #sayModel(): void {
    this.#say(modelMessage(this.#model, this.#services));
  }

  #sayState(): void {
    const { fps, speed, seed } = this.#player;
    this.#say({
      type: 'state',
      ...{ playing: this.#wanted, fps, speed, seed },
      style: this.#style && [...this.#style],
      base: this.#canvas.base,
      recording: this.#recording.isOn,
    });
  }

  #tell(error: unknown, fatal = false): void {
    const known = isFrameloomError(error);
    this.#say({
      type: 'error',
      code: known ? error.code : 'backend',
      message: messageOf(error),
      hint: (known ? error.hint : undefined) ?? null,
      fatal,
    });
  }

  #giveUp(why: string): void {
    this.#tell(new FrameloomError('bad-input', why, { hint: 'reload the page' }), true);
    void this.close();
  }

  #say(message: ServerMessage): void {
    if (!this.#closed) this.#options.send(encodeServer(message));
  }
}
