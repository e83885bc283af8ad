import type { App } from '../app.js';
import type { Touch } from '../draw/painter.js';
import type { Zoom } from './zoom.js';

/** What shows where the brush is, and how large. */
export interface Ring {
  /** @param x, y in pixels of the drawing */
  at(x: number, y: number): void;
  hide(): void;
}

/** The button of a pen that is turned round, and the second one of a mouse: both erase. */
const ERASES = new Set([2, 5]);

/**
 * A mouse, a pen or a finger draws: one at a time. Of fingers that are two or more this hears nothing but
 * that what the first one began is taken back.
 * @param frame what the drawing is seen through
 */
export function drawByPointer(
  app: App,
  parts: {
    readonly pad: HTMLCanvasElement;
    readonly frame: HTMLElement;
    readonly ring: HTMLElement;
    readonly zoom: Zoom;
  },
): Ring & { readonly takeBack: () => void } {
  const { pad, frame, ring: element, zoom } = parts;
  let pointer: number | null = null;
  /** The tool before the pen was turned round, while it is. */
  let chosen = app.settings.tool;
  let isTurned = false;

  const touchOf = (event: PointerEvent): Touch => ({
    ...zoom.placeIn(frame, pad, { x: event.clientX, y: event.clientY }),
    // A mouse has no pressure, and says that it has half.
    pressure: event.pointerType === 'pen' ? event.pressure : 1,
    shift: event.shiftKey,
    alt: event.altKey,
  });
  const ring: Ring = {
    at(x, y) {
      const { tool, size, shape } = app.settings;
      const isBrush = tool === 'brush' || tool === 'eraser' || tool === 'line';
      const stamp = tool === 'stamp' ? app.painter?.stamp : null;
      const [width, height] = stamp ? [stamp.width, stamp.height] : isBrush ? [size, size] : [1, 1];
      const scale = (zoom.size.width * zoom.view.zoom) / pad.width;
      const at = zoom.placeOn(pad, { x, y });
      element.hidden = false;
      element.classList.toggle('round', isBrush && shape === 'round');
      element.style.width = `${Math.max(6, width * scale)}px`;
      element.style.height = `${Math.max(6, height * scale)}px`;
      element.style.translate = `calc(${at.x}px - 50%) calc(${at.y}px - 50%)`;
    },
    hide: () => (element.hidden = true),
  };
  const takeBack = (): void => {
    if (pointer === null) return;
    pointer = null;
    app.painter?.cancel();
    if (isTurned) app.chooseTool(chosen);
    isTurned = false;
    ring.hide();
  };
  const end = (event: PointerEvent, isKept: boolean): void => {
    if (event.pointerId !== pointer) return;
    if (!isKept) {
      takeBack();
      return;
    }
    pointer = null;
    app.painter?.up();
    if (isTurned) app.chooseTool(chosen);
    isTurned = false;
    app.emit('drawn', app.settings.tool);
    if (event.pointerType === 'touch') ring.hide();
  };

  pad.addEventListener('pointerdown', (event) => {
    const { painter } = app;
    if (!painter) return;
    if (pointer !== null) {
      // A palm beside the pen; but a pen beside a finger is what is meant.
      if (event.pointerType !== 'pen') return;
      takeBack();
    }
    if (event.button !== 0 && !ERASES.has(event.button)) return;
    event.preventDefault();
    pad.focus({ preventScroll: true });
    pad.setPointerCapture(event.pointerId);
    pointer = event.pointerId;
    chosen = app.settings.tool;
    isTurned = ERASES.has(event.button);
    if (isTurned) app.chooseTool('eraser');
    const touch = touchOf(event);
    ring.at(touch.x, touch.y);
    painter.down(touch);
  });
  pad.addEventListener('pointermove', (event) => {
    const touch = touchOf(event);
    if (event.pointerType !== 'touch' || pointer !== null) ring.at(touch.x, touch.y);
    if (event.pointerId !== pointer) return;
    // Between two pictures of the screen a pen reports several places.
    const places = event.getCoalescedEvents();
    for (const place of places.length > 0 ? places : [event]) app.painter?.move(touchOf(place));
  });
  pad.addEventListener('pointerup', (event) => end(event, true));
  pad.addEventListener('pointercancel', (event) => end(event, false));
  pad.addEventListener('pointerleave', () => {
    if (pointer === null) ring.hide();
  });
  pad.addEventListener('contextmenu', (event) => event.preventDefault());
  return { ...ring, takeBack };
}
