/**
 * Loaded by a game's page in front of its own scripts; built into one plain script, `tap.js`. Where the page is framed by
 * the recorder, it hands over the canvas as the game draws it, and the keys and gamepads as the game is told them. In a
 * page that nobody frames it does nothing.
 */
import { rgbaToRgb } from '../draw/picture.js';
import type { Held } from '../input/mapping.js';
import { middleOf } from '../session/pictures.js';
import { AnimationFrames } from './animation-frames.js';
import { frameAt } from './clock.js';
import type { FromTap, TapFrame, ToTap } from './tap-messages.js';

const script = document.currentScript as HTMLScriptElement | null;
if (window.parent !== window && script) tap(new URL(script.src).origin);

interface Take {
  readonly fps: number;
  readonly context: OffscreenCanvasRenderingContext2D;
  /** When the first frame of it was drawn; unknown before. */
  beganMs: number | null;
  /** Of the frame that was taken last. */
  index: number;
  /** Keys that were held since, whenever the game drew. */
  readonly keys: Set<string>;
}

function tap(home: string): void {
  const held = new Set<string>();
  let canvas: HTMLCanvasElement | null = null;
  let take: Take | null = null;
  let [told, toldCanvas] = ['', ''];
  const say = (message: FromTap, transfer: Transferable[] = []): void =>
    window.parent.postMessage(message, home, transfer);

  const keyDown = ({ code }: KeyboardEvent): void => {
    if (code === '') return;
    held.add(code);
    // One that is let go before the game draws again was pressed all the same.
    take?.keys.add(code);
  };
  const release = (): void => held.clear();
  addEventListener('keydown', keyDown, { capture: true });
  addEventListener('keyup', ({ code }) => held.delete(code), { capture: true });
  // A key that is let go in another window is never heard of.
  addEventListener('blur', release);
  document.addEventListener('visibilitychange', () => {
    release();
    if (document.hidden) say({ tap: 'hidden' });
  });

  const drawn = new AnimationFrames(afterDrawing);
  drawn.install();

  function afterDrawing(timeMs: number): void {
    const pads = padsNow();
    tellHeld(pads);
    lookForCanvas();
    if (!take || !canvas) return;
    for (const code of held) take.keys.add(code);
    take.beganMs ??= timeMs;
    const index = frameAt(timeMs - take.beganMs, take.fps);
    if (index <= take.index) return;
    try {
      const pixels = picture(canvas, take.context);
      const frame: TapFrame = { tap: 'frame', index, keys: [...take.keys], pads, pixels };
      say(frame, [pixels]);
    } catch (error) {
      take = null;
      say({ tap: 'failed', message: String(error) });
      return;
    }
    take.index = index;
    take.keys.clear();
  }

  function tellHeld(pads: Held['pads']): void {
    const text = JSON.stringify([[...held], pads]);
    if (text === told) return;
    told = text;
    say({ tap: 'held', keys: [...held], pads });
  }

  function lookForCanvas(): void {
    if (take && canvas?.isConnected) return;
    canvas = largestCanvas();
    const text = canvas ? `${canvas.width}x${canvas.height}` : 'none';
    if (text === toldCanvas) return;
    toldCanvas = text;
    say({ tap: 'here', canvas: canvas && { width: canvas.width, height: canvas.height } });
  }

  addEventListener('message', ({ source, origin, data }: MessageEvent<ToTap | undefined>) => {
    if (source !== window.parent || origin !== home || data?.tap === undefined) return;
    if (data.tap === 'stop') {
      take = null;
      return;
    }
    const context = new OffscreenCanvas(data.width, data.height).getContext('2d', {
      alpha: false,
      willReadFrequently: true,
    })!;
    take = { fps: data.fps, context, beganMs: null, index: -1, keys: new Set() };
  });
  say({ tap: 'here', canvas: null });
}

const padsNow = (): Held['pads'] =>
  navigator
    .getGamepads()
    .flatMap((pad) =>
      pad ? [{ buttons: pad.buttons.map(({ value }) => value), axes: [...pad.axes] }] : [],
    );

/** The game's picture: of several canvases the one that takes most of the page. */
function largestCanvas(): HTMLCanvasElement | null {
  let [found, most] = [null as HTMLCanvasElement | null, 0];
  for (const one of document.querySelectorAll('canvas')) {
    const { width, height } = one.getBoundingClientRect();
    if (width * height <= most || one.width === 0 || one.height === 0) continue;
    [found, most] = [one, width * height];
  }
  return found;
}

/** rgb24 of a canvas, on what is seen behind it where it is transparent. */
function picture(
  canvas: HTMLCanvasElement,
  context: OffscreenCanvasRenderingContext2D,
): ArrayBuffer {
  const { width, height } = context.canvas;
  const whole = { x: 0, y: 0, width: canvas.width, height: canvas.height };
  const from = middleOf(whole, { width, height });
  context.imageSmoothingQuality = 'high';
  context.fillStyle = backgroundOf(canvas);
  context.fillRect(0, 0, width, height);
  context.drawImage(canvas, from.x, from.y, from.width, from.height, 0, 0, width, height);
  return rgbaToRgb(context.getImageData(0, 0, width, height).data).buffer;
}

function backgroundOf(canvas: Element): string {
  for (let element: Element | null = canvas; element; element = element.parentElement) {
    const { backgroundColor } = getComputedStyle(element);
    if (!/^rgba\(.*, 0\)$|^transparent$/.test(backgroundColor)) return backgroundColor;
  }
  return 'white';
}
