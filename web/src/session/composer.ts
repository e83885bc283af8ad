import type { ModelMessage } from '../../../src/play/live/messages.js';
import type { Packet, SessionKind } from '../../../src/play/live/packets.js';
import type { App } from '../app.js';

/** What lies below all sheets. */
export type Below =
  /** The clip's own maps, one a frame. */
  | { readonly kind: 'clip'; readonly clip: number }
  /** One picture that stays, such as a map of the clip that was stopped at. */
  | { readonly kind: 'still' }
  /** One value everywhere. */
  | { readonly kind: 'plain' }
  /** Pictures that the page makes conditions of, the newest of them. */
  | { readonly kind: 'pictures' };

/**
 * Sends what is drawn, as soon as the event is over by which it was: only what is newest, and nothing while
 * what was sent before has not left. Where nothing is drawn nothing is sent, and the world goes on.
 */
export class Composer {
  readonly #app: App;
  #below: Below = { kind: 'plain' };
  #isDue = false;
  #isWaiting = false;
  /** The newest map that the session played, as far as it is known: not where it was painted over. */
  #beneath: Uint8Array<ArrayBuffer> | null = null;
  /** Where what was sent covers the map: of the drawing that the newest frame was made of, and of all newer ones. */
  #covers: { readonly number: number; readonly there: Uint8Array }[] = [];
  /** Whole conditions that were sent, in the same way. */
  #sent: { readonly number: number; readonly bytes: Uint8Array }[] = [];
  #composed: { readonly number: number; readonly pixels: Uint8Array } | null = null;
  #frame = 0;
  /** Whether a map of the clip has come: until its clip is read a session plays something blank. */
  #isRead = false;
  /** A map that was asked for, to stay below. */
  #asked: { clip: number; frame: number } | null = null;

  constructor(app: App) {
    this.#app = app;
    app.on('condition', (packet) => this.#take(packet));
    app.on('state', ({ base }) => {
      if (base) this.#frame = base.frame;
    });
    app.on('frame', ({ newest }) => {
      this.#covers = this.#covers.filter(({ number }) => number >= newest);
      this.#sent = this.#sent.filter(({ number }) => number >= newest);
      if (this.#below.kind === 'clip') {
        this.#frame = (this.#frame + 1) % Math.max(1, this.#framesOf(this.#below.clip));
      }
    });
  }

  get below(): Below {
    return this.#below;
  }

  /** Whether what plays is a clip of which nothing has come yet: the world is made of something blank until then. */
  get isReading(): boolean {
    return this.#below.kind === 'clip' && !this.#isRead;
  }

  /** The frame of the clip that plays next, as far as is known: the session tells it now and then. */
  get frame(): number {
    return this.#frame;
  }

  /** What a frame was made of, which has just come; null where that is not known. */
  conditionOf({ number, newest }: Packet<SessionKind>): Uint8Array | null {
    if (this.#composed?.number === number) return this.#composed.pixels;
    return this.#sent.find((sent) => sent.number === newest)?.bytes ?? null;
  }

  /**
   * Tells a session that has just begun what lies below and what is drawn.
   * @param goesOn whether the drawing is the one of before, so that what lay below does too
   */
  start(model: ModelMessage, goesOn: boolean): void {
    this.#beneath = null;
    const wasRead = this.#isRead;
    this.#isRead = false;
    this.#covers = [];
    this.#sent = [];
    this.#composed = null;
    this.#asked = null;
    const keeps = goesOn && this.#below.kind !== 'clip';
    if (keeps) this.schedule();
    else if (model.clips.length > 0 && model.layout.content !== 'none') this.playClip(0);
    else this.plain();
    if (wasRead) this.#app.emit('below', this);
  }

  /** Plays a clip's own maps. @param frame the first of them */
  playClip(clip: number, frame?: number): void {
    const was = this.#app.state?.base;
    this.#frame = frame ?? (was?.clip === clip ? was.frame : 0);
    this.#become({ kind: 'clip', clip });
    this.#app.client?.send({ type: 'base', clip, frame: this.#frame, show: true });
    this.#ask(clip, this.#frame);
    this.schedule();
  }

  /** Stops the maps where they are: the present one stays below, and the world goes on. */
  hold(): void {
    if (this.#below.kind !== 'clip') return;
    const { clip } = this.#below;
    const frames = this.#framesOf(clip);
    const frame = (this.#frame + frames - 1) % Math.max(1, frames);
    const { drawing } = this.#app;
    if (!drawing) return;
    this.still(this.#beneath ?? drawing.composed());
    // What was painted over is not known until the map itself comes.
    if (!this.#isRead || this.#covers.some(({ there }) => there.includes(1))) {
      this.#ask(clip, frame);
    }
    this.#frame = frame;
  }

  /** @param map bytes of a condition, which stay below */
  still(map: Uint8Array): void {
    this.#show({ kind: 'still' }, map);
  }

  /** A condition that was made of a picture, to be followed by others. */
  picture(map: Uint8Array): void {
    this.#show({ kind: 'pictures' }, map);
  }

  /** Nothing below but the background. */
  plain(): void {
    this.#show({ kind: 'plain' }, null);
  }

  /** Sends what is drawn soon: once all is done that belongs to it. */
  schedule(): void {
    this.#isDue = true;
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    queueMicrotask(() => {
      this.#isWaiting = false;
      this.#send();
    });
  }

  /** Sends it with the next picture of the screen. */
  #sendLater(): void {
    this.#isWaiting = true;
    requestAnimationFrame(() => {
      this.#isWaiting = false;
      this.#send();
    });
  }

  #framesOf(clip: number): number {
    return this.#app.model?.clips[clip]?.frames ?? 1;
  }

  #ask(clip: number, frame: number): void {
    this.#asked = { clip, frame };
    this.#app.client?.send({ type: 'clip', clip, first: frame, count: 1 });
  }

  #show(below: Below, map: Uint8Array | null): void {
    const { drawing, client, state } = this.#app;
    if (this.#below.kind === 'clip' || state?.base) client?.send({ type: 'base', clip: null });
    this.#become(below);
    if (drawing) drawing.below = map;
    this.schedule();
  }

  #become(below: Below): void {
    const isOther = below.kind !== this.#below.kind;
    this.#below = below;
    if (isOther) this.#app.emit('below', this);
  }

  #send(): void {
    const { client, drawing, model } = this.#app;
    if (!this.#isDue || !client || !drawing || !model) return;
    // What was sent has not left: what is drawn then is newer, and is what is sent.
    if (!client.isFree) return this.#sendLater();
    this.#isDue = false;
    const { width, height } = drawing;
    if (this.#below.kind !== 'clip') {
      const bytes = drawing.composed();
      this.#sent.push({ number: client.sendPixels('condition', width, height, bytes), bytes });
      return;
    }
    const { bytes, there } = drawing.paint();
    const overlay = new Uint8Array(bytes.length + there.length);
    overlay.set(bytes);
    overlay.set(there, bytes.length);
    const covers = there.slice();
    this.#covers.push({
      number: client.sendPixels('overlay', width, height, overlay),
      there: covers,
    });
  }

  #take(packet: Packet<SessionKind>): void {
    const { drawing } = this.#app;
    // Of a size that was asked for before.
    if (packet.width !== drawing?.width || packet.height !== drawing.height) return;
    if (packet.kind === 'composed') this.#composed = packet;
    if (packet.kind === 'composed' && this.#below.kind === 'clip')
      this.#takeComposed(packet.pixels);
    else if (packet.kind === 'clip') this.#takeMap(packet);
    else return;
    this.#app.emit('changed', drawing);
  }

  /** What a frame was made of: the map, and over it what was drawn then, which is left as it was known. */
  #takeComposed(pixels: Uint8Array): void {
    const drawing = this.#app.drawing!;
    if (!this.#isRead) return;
    const { depth } = drawing;
    const beneath = this.#beneath ?? new Uint8Array(pixels.length);
    this.#beneath = beneath;
    const covered = this.#covers.filter(({ there }) => there.length * depth === pixels.length);
    for (let pixel = 0, at = 0; at < pixels.length; pixel += 1, at += depth) {
      if (covered.some(({ there }) => there[pixel] === 1)) continue;
      for (let channel = at; channel < at + depth; channel += 1)
        beneath[channel] = pixels[channel]!;
    }
    drawing.setBelow(beneath);
  }

  /** A map that was asked for: of a clip that was begun, or that stays. */
  #takeMap({ clip, number, pixels }: Packet<SessionKind>): void {
    const asked = this.#asked;
    if (asked?.clip !== clip || asked.frame !== number) return;
    this.#asked = null;
    const isFirst = !this.#isRead;
    this.#isRead = true;
    this.#beneath = pixels.slice();
    if (isFirst) this.#app.emit('below', this);
    if (this.#below.kind === 'clip') this.#app.drawing!.setBelow(this.#beneath);
    else if (this.#below.kind === 'still') this.still(this.#beneath);
  }
}
