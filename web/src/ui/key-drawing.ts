import type { App } from '../app.js';
import { isEmpty } from '../draw/raster.js';
import { say } from './notices.js';
import type { Ring } from './pointer-drawing.js';

const STEPS: Readonly<Record<string, readonly [x: number, y: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
const LARGE_STEP = 8;

/**
 * The arrow keys draw, where the drawing has the focus: everything that a pointer can do.
 * @param reveal moves a pixel of the drawing into sight, where it is enlarged
 */
export function drawByKeys(
  app: App,
  pad: HTMLCanvasElement,
  ring: Ring,
  reveal: (place: { readonly x: number; readonly y: number }) => void,
): void {
  let place = { x: 0, y: 0 };
  app.on('drawing', ({ width, height }) => {
    place = { x: Math.floor(width / 2) + 0.5, y: Math.floor(height / 2) + 0.5 };
  });
  const touch = (event: KeyboardEvent) => ({
    ...place,
    pressure: 1,
    shift: false,
    alt: event.altKey,
  });
  const tell = (): void => {
    const { painter } = app;
    const where = `${Math.floor(place.x)} across, ${Math.floor(place.y)} down`;
    say(painter?.isDown ? `${where}, pen down` : where);
  };

  pad.addEventListener('keydown', (event) => {
    const { painter, drawing } = app;
    if (!painter || !drawing || event.ctrlKey || event.metaKey) return;
    const step = STEPS[event.key];
    if (step) {
      event.preventDefault();
      // Keys that move the world are for the world, and those are read elsewhere.
      const by = event.shiftKey ? LARGE_STEP : 1;
      if (app.settings.tool === 'select' && !isEmpty(painter.selection) && !painter.isDown) {
        painter.nudge(step[0] * by, step[1] * by);
        return;
      }
      place = {
        x: Math.min(drawing.width - 0.5, Math.max(0.5, Math.floor(place.x) + 0.5 + step[0] * by)),
        y: Math.min(drawing.height - 0.5, Math.max(0.5, Math.floor(place.y) + 0.5 + step[1] * by)),
      };
      reveal(place);
      ring.at(place.x, place.y);
      if (painter.isDown) painter.move(touch(event));
      tell();
    } else if (event.key === ' ' || event.key === 'Enter') {
      event.preventDefault();
      event.stopPropagation();
      if (painter.isDown) {
        painter.up();
        app.emit('drawn', app.settings.tool);
      } else if (event.key === 'Enter' && !isEmpty(painter.selection)) painter.drop();
      else {
        painter.down(touch(event));
        // A fill needs no second press.
        if (painter.isTap) {
          painter.up();
          app.emit('drawn', app.settings.tool);
        }
      }
      ring.at(place.x, place.y);
      tell();
    } else if (event.key === 'Escape') {
      if (painter.isDown) painter.cancel();
      else painter.drop();
    } else if (event.key === 'Delete' || event.key === 'Backspace') {
      if (isEmpty(painter.selection)) return;
      event.preventDefault();
      painter.deleteSelection();
    }
  });
  pad.addEventListener('blur', () => {
    ring.hide();
  });
}
