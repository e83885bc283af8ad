import { wheelFactor, wheelPixels, type Fingers, type Viewport } from '../draw/viewport.js';
import { isTyping } from './shortcuts.js';
import type { Zoom } from './zoom.js';

export interface GestureParts {
  /** What holds all frames. */
  readonly pictures: HTMLElement;
  readonly pad: HTMLElement;
  readonly zoom: Zoom;
  /** Takes back what the first of two fingers began to draw. */
  readonly takeBack: () => void;
  /** Whether a key is for the world, whose actions it drives. */
  readonly isTaken: (event: KeyboardEvent) => boolean;
}

interface Finger {
  readonly x: number;
  readonly y: number;
}

const MIDDLE_BUTTON = 1;

/**
 * Enlarges and moves the pictures: two fingers, a wheel with Ctrl or ⌘ (which a trackpad's pinch is told
 * as), a wheel alone, the middle button, and any pointer while Space is held. Of an enlarged world, which
 * nobody draws on, one pointer is enough. It hears pointers before what draws does, and keeps its own from it.
 */
export function moveByGestures({ pictures, pad, zoom, takeBack, isTaken }: GestureParts): void {
  const fingers = new Map<number, Finger>();
  let pinch: { readonly view: Viewport; readonly from: Fingers } | null = null;
  /** Two fingers have been down: until all are up, none draws. */
  let isSpent = false;
  let drag: { readonly pointer: number; x: number; y: number } | null = null;

  const frameOf = (event: Event): Element | null =>
    event.target instanceof Element ? event.target.closest('.screen') : null;
  const inFrame = (event: MouseEvent): Finger | null => {
    const box = frameOf(event)?.getBoundingClientRect();
    return box ? { x: event.clientX - box.left, y: event.clientY - box.top } : null;
  };
  const keep = (event: Event): void => {
    event.preventDefault();
    event.stopPropagation();
  };
  const endDrag = (): void => {
    drag = null;
    pictures.classList.remove('moving');
  };
  const beginPinch = (): void => {
    const [first, second] = [...fingers.values()];
    if (!first || !second) return;
    pinch = { view: zoom.view, from: { first, second } };
  };

  pictures.addEventListener(
    'wheel',
    (event) => {
      const at = inFrame(event);
      if (!at) return;
      const [x, y] = [
        wheelPixels(event.deltaX, event.deltaMode),
        wheelPixels(event.deltaY, event.deltaMode),
      ];
      if (event.ctrlKey || event.metaKey) {
        // The browser would enlarge the whole page.
        event.preventDefault();
        zoom.by(wheelFactor(y), at);
      } else if (zoom.view.zoom > 1) {
        event.preventDefault();
        // Some systems turn a wheel with Shift aside by themselves.
        const isAside = event.shiftKey && x === 0;
        zoom.pan({ x: -(isAside ? y : x), y: -(isAside ? 0 : y) });
      }
    },
    { passive: false },
  );

  const hold = holdSpace({ pictures, zoom, isTaken });
  const isDragging = (event: PointerEvent): boolean => {
    if (event.pointerType !== 'touch' && event.button === MIDDLE_BUTTON) return true;
    if (event.button !== 0 || zoom.view.zoom === 1) return false;
    return hold.isHeld() || !(event.target instanceof Node && pad.contains(event.target));
  };

  pictures.addEventListener(
    'pointerdown',
    (event) => {
      const at = inFrame(event);
      if (!at) return;
      if (event.pointerType === 'touch') {
        fingers.set(event.pointerId, at);
        if (fingers.size > 1) {
          keep(event);
          isSpent = true;
          endDrag();
          takeBack();
          if (fingers.size === 2) beginPinch();
          return;
        }
      }
      if (!isDragging(event)) return;
      keep(event);
      hold.use();
      drag = { pointer: event.pointerId, x: event.clientX, y: event.clientY };
      if (event.target instanceof Element) event.target.setPointerCapture(event.pointerId);
      pictures.classList.add('moving');
    },
    { capture: true },
  );
  pictures.addEventListener(
    'pointermove',
    (event) => {
      const finger = fingers.has(event.pointerId) ? inFrame(event) : null;
      if (finger) fingers.set(event.pointerId, finger);
      if (isSpent && event.pointerType === 'touch') {
        event.stopPropagation();
        const [first, second] = [...fingers.values()];
        if (pinch && first && second) zoom.pinch(pinch.view, pinch.from, { first, second });
      } else if (drag?.pointer === event.pointerId) {
        event.stopPropagation();
        const { x, y } = drag;
        [drag.x, drag.y] = [event.clientX, event.clientY];
        zoom.pan({ x: event.clientX - x, y: event.clientY - y });
      }
    },
    { capture: true },
  );
  const end = (event: PointerEvent): void => {
    const wasFinger = fingers.delete(event.pointerId);
    if (wasFinger && isSpent) {
      event.stopPropagation();
      // Of three fingers the two that are left go on from where they are.
      pinch = null;
      if (fingers.size === 2) beginPinch();
      if (fingers.size === 0) isSpent = false;
    }
    if (drag?.pointer !== event.pointerId) return;
    event.stopPropagation();
    endDrag();
  };
  pictures.addEventListener('pointerup', end, { capture: true });
  pictures.addEventListener('pointercancel', end, { capture: true });
  // The first of two fingers on the world may be the page's, which scrolls by it; with two nothing scrolls.
  pictures.addEventListener(
    'touchstart',
    (event) => {
      if (event.touches.length > 1 && event.cancelable) event.preventDefault();
    },
    { passive: false },
  );
  // A middle button would paste, or scroll by itself.
  pictures.addEventListener('auxclick', (event) => {
    if (event.button === MIDDLE_BUTTON) event.preventDefault();
  });
}

/**
 * Space, held over an enlarged picture, is for moving it. Where nothing was moved meanwhile it does what
 * it always does, when it is let go.
 */
function holdSpace({
  pictures,
  zoom,
  isTaken,
}: Pick<GestureParts, 'pictures' | 'zoom' | 'isTaken'>): {
  isHeld: () => boolean;
  use: () => void;
} {
  let isOver = false;
  let held: { target: EventTarget; isUsed: boolean } | null = null;
  let isOwn = false;
  pictures.addEventListener(
    'pointerenter',
    ({ pointerType }) => (isOver = pointerType !== 'touch'),
  );
  pictures.addEventListener('pointerleave', () => (isOver = false));
  const letGo = (): void => {
    held = null;
    pictures.classList.remove('movable');
  };
  addEventListener(
    'keydown',
    (event) => {
      if (event.code !== 'Space' || isOwn) return;
      if (!held) {
        if (!isOver || zoom.view.zoom === 1 || event.repeat || !event.target) return;
        if (event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return;
        const isOnControl =
          isTyping(event.target) ||
          (event.target instanceof Element && event.target.closest('button, summary, input, a'));
        if (isOnControl || document.querySelector('dialog[open]')) return;
        held = { target: event.target, isUsed: false };
        pictures.classList.add('movable');
      }
      event.preventDefault();
      event.stopPropagation();
    },
    { capture: true },
  );
  addEventListener(
    'keyup',
    (event) => {
      if (event.code !== 'Space' || !held) return;
      const { target, isUsed } = held;
      letGo();
      if (isUsed) return;
      isOwn = true;
      const key = { key: ' ', code: 'Space', bubbles: true, cancelable: true };
      target.dispatchEvent(new KeyboardEvent('keydown', key));
      isOwn = false;
    },
    { capture: true },
  );
  addEventListener('blur', letGo);
  return {
    isHeld: () => held !== null,
    use: () => {
      if (held) held.isUsed = true;
    },
  };
}
