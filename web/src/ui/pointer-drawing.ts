import type { App } from '../app.js';
import type { Touch } from '../draw/painter.js';

/** What shows where the brush is, and how large. */
export interface Ring {
  /** @param x, y in pixels of the drawing */
  at(x: number, y: number): void;
  hide(): void;
}

/** The button of a pen that is turned round, and the second one of a mouse: both erase. */
const ERASES = new Set([2, 5]);

/**
 * A mouse, a pen or a finger draws. A second finger takes the stroke back, since it was meant to move
 * the page.
 */
export function drawByPointer(app: App, pad: HTMLCanvasElement, element: HTMLElement): Ring {
  let pointer: number | null = null;
  let chosen = app.settings.tool;

  const touchOf = (event: PointerEvent): Touch => {
    const box = pad.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * pad.width,
      y: ((event.clientY - box.top) / box.height) * pad.height,
      // A mouse has no pressure, and says that it has half.
      pressure: event.pointerType === 'pen' ? event.pressure : 1,
      shift: event.shiftKey,
      alt: event.altKey,
    };
  };
  const ring: Ring = {
    at(x, y) {
      const { tool, size, shape } = app.settings;
      const isBrush = tool === 'brush' || tool === 'eraser' || tool === 'line';
      const stamp = tool === 'stamp' ? app.painter?.stamp : null;
      const [width, height] = stamp ? [stamp.width, stamp.height] : isBrush ? [size, size] : [1, 1];
      const scale = pad.clientWidth / pad.width;
      element.hidden = false;
      element.classList.toggle('round', isBrush && shape === 'round');
      element.style.width = `${Math.max(6, width * scale)}px`;
      element.style.height = `${Math.max(6, height * scale)}px`;
      element.style.translate = `calc(${x * scale}px - 50%) calc(${y * scale}px - 50%)`;
    },
    hide: () => (element.hidden = true),
  };
  const end = (event: PointerEvent, isKept: boolean): void => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    const { painter } = app;
    if (isKept) painter?.up();
    else painter?.cancel();
    if (app.settings.tool !== chosen && ERASES.has(event.button)) app.chooseTool(chosen);
    if (isKept) app.emit('drawn', app.settings.tool);
    if (event.pointerType === 'touch') ring.hide();
  };

  pad.addEventListener('pointerdown', (event) => {
    const { painter } = app;
    if (!painter) return;
    if (pointer !== null) {
      painter.cancel();
      pointer = null;
      return;
    }
    if (event.button !== 0 && !ERASES.has(event.button)) return;
    event.preventDefault();
    pad.focus({ preventScroll: true });
    pad.setPointerCapture(event.pointerId);
    pointer = event.pointerId;
    chosen = app.settings.tool;
    if (ERASES.has(event.button)) app.chooseTool('eraser');
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
  return ring;
}
