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
 * Sends what is drawn: at most once for each picture of the screen, only what is newest, and nothing while
 * what was sent before has not left. Where nothing is drawn nothing is sent, and the world goes on.
 */
export class Composer {
  readonly #app: App;
  #below: Below = { kind: 'plain' };
  #isDue = false;
  #isWaiting = false;
  /** The newest map that the session played. */
  #beneath: Uint8Array | null = null;

  constructor(app: App) {
    this.#app = app;
    app.on('condition', (packet) => this.#take(packet));
  }

  get below(): Below {
    return this.#below;
  }

  /**
   * Tells a session that has just begun what lies below and what is drawn.
   * @param goesOn whether the drawing is the one of before, so that what lay below does too
   */
  start(model: ModelMessage, goesOn: boolean): void {
    this.#beneath = null;
    const keeps = goesOn && this.#below.kind !== 'clip';
    if (keeps) this.schedule();
    else if (model.clips.length > 0 && model.layout.content !== 'none') this.playClip(0);
    else this.plain();
  }

  /** Plays a clip's own maps. @param frame the first of them */
  playClip(clip: number, frame?: number): void {
    const was = this.#app.state?.base;
    this.#become({ kind: 'clip', clip });
    this.#app.client?.send({
      type: 'base',
      clip,
      frame: frame ?? (was?.clip === clip ? was.frame : 0),
      show: true,
    });
    this.schedule();
  }

  /** Stops the maps where they are: they stay below, and the world goes on. */
  hold(): void {
    if (this.#beneath !== null) this.still(this.#beneath);
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

  /** Sends what is drawn soon: with the next picture of the screen. */
  schedule(): void {
    this.#isDue = true;
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    requestAnimationFrame(() => {
      this.#isWaiting = false;
      this.#send();
    });
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
    if (!client.isFree) {
      this.schedule();
      return;
    }
    this.#isDue = false;
    const { width, height } = drawing;
    if (this.#below.kind !== 'clip') {
      client.sendPixels('condition', width, height, drawing.composed());
      return;
    }
    const { bytes, there } = drawing.paint();
    const overlay = new Uint8Array(bytes.length + there.length);
    overlay.set(bytes);
    overlay.set(there, bytes.length);
    client.sendPixels('overlay', width, height, overlay);
  }

  #take({ kind, width, height, pixels }: Packet<SessionKind>): void {
    const { drawing } = this.#app;
    if (kind !== 'composed' || this.#below.kind !== 'clip' || !drawing) return;
    // Of a size that was asked for before.
    if (width !== drawing.width || height !== drawing.height) return;
    this.#beneath = pixels;
    drawing.setBelow(pixels);
    this.#app.emit('changed', drawing);
  }
}
