import { describe, expect, it } from 'vitest';
import { Drawing } from '../../web/src/draw/drawing.js';
import { Painter, type PaintSettings, type Tool } from '../../web/src/draw/painter.js';

const SETTINGS: PaintSettings = {
  tool: 'brush',
  size: 1,
  shape: 'round',
  filled: true,
  ink: [5],
  tolerance: 0,
  cutOut: true,
  pressure: false,
};

function bench(tool: Tool, over: Partial<PaintSettings> = {}) {
  const drawing = new Drawing({ width: 8, height: 4, depth: 1 });
  const painter = new Painter(drawing, { ...SETTINGS, ...over, tool });
  const touch = (x: number, y: number, held: { shift?: boolean; alt?: boolean } = {}) => ({
    x,
    y,
    pressure: 0.5,
    shift: held.shift ?? false,
    alt: held.alt ?? false,
  });
  const drag = (...places: [x: number, y: number][]): void => {
    const [first, ...rest] = places;
    painter.down(touch(...first!));
    for (const place of rest) painter.move(touch(...place));
    painter.up();
  };
  const rows = (): string[] => {
    const ids = drawing.composed();
    return [0, 1, 2, 3].map((row) => ids.subarray(8 * row, 8 * row + 8).join(''));
  };
  return { drawing, painter, touch, drag, rows };
}

describe('painter', () => {
  it('draws a stroke as one step, and Shift goes on in a straight line', () => {
    const { drawing, painter, touch, drag, rows } = bench('brush');
    drag([0.5, 0.5], [2.5, 0.5], [2.5, 2.5]);
    expect(rows()).toEqual(['55500000', '00500000', '00500000', '00000000']);
    painter.down(touch(6.5, 2.5, { shift: true }));
    painter.up();
    expect(rows()[2]).toBe('00555550');
    expect(drawing.undo()).toBe('brush');
    expect(drawing.undo()).toBe('brush');
    expect(drawing.undo()).toBeNull();
    expect(rows()).toEqual(Array(4).fill('00000000'));
  });

  it('draws a line, a rectangle and an ellipse anew at each move', () => {
    const line = bench('line');
    line.drag([0.2, 0.9], [7, 3.9], [4.5, 0.1]);
    expect(line.rows()).toEqual(['55555000', '00000000', '00000000', '00000000']);
    const rectangle = bench('rectangle');
    rectangle.drag([1, 1], [7, 3.9], [2.5, 2.1]);
    expect(rectangle.rows()).toEqual(['00000000', '05500000', '05500000', '00000000']);
    const outline = bench('rectangle', { filled: false });
    outline.drag([0, 0], [3, 3]);
    expect(outline.rows()).toEqual(['55550000', '50050000', '50050000', '55550000']);
    const ellipse = bench('ellipse');
    ellipse.drag([0, 0], [3, 3]);
    expect(ellipse.rows()).toEqual(['05500000', '55550000', '55550000', '05500000']);
  });

  it('keeps shapes regular while Shift is held', () => {
    const { painter, touch, rows } = bench('rectangle');
    painter.down(touch(1.5, 0.5));
    painter.move(touch(3.5, 0.9, { shift: true }));
    painter.up();
    expect(rows()).toEqual(['05550000', '05550000', '05550000', '00000000']);
  });

  it('fills what is seen, and erases down to the map below', () => {
    const { drawing, painter, touch, drag, rows } = bench('fill');
    drawing.below = Uint8Array.from('11112222'.repeat(4), Number);
    drag([6, 2]);
    expect(rows()).toEqual(Array(4).fill('11115555'));
    painter.settings.tool = 'eraser';
    drag([5.5, 0.5], [5.5, 3.5]);
    expect(rows()).toEqual(Array(4).fill('11115255'));
    painter.down(touch(5.5, 0.5, { alt: true }));
    expect(painter.isTap).toBe(true);
    expect(drawing.isEditing).toBe(false);
  });

  it('picks up what is seen, by the tool and by Alt', () => {
    const { drawing, painter, touch } = bench('pick');
    drawing.below = Uint8Array.from('12345678'.repeat(4), Number);
    const picked: number[][] = [];
    painter.onPick = (ink) => picked.push([...ink]);
    painter.down(touch(2, 1));
    painter.settings.tool = 'brush';
    painter.down(touch(7.9, 1, { alt: true }));
    painter.down(touch(8.1, 1, { alt: true }));
    painter.up();
    expect(picked).toEqual([[3], [8]]);
    expect(drawing.isBlank).toBe(true);
  });

  it('moves what the selection holds of the layer, and undoes it in one step', () => {
    const { drawing, painter, drag, rows } = bench('rectangle');
    drag([1, 1], [2, 2]);
    painter.settings.tool = 'select';
    drag([0.5, 0.5], [3.5, 3.5]);
    expect(painter.selection).toEqual({ left: 0, top: 0, right: 4, bottom: 4 });
    drag([1.5, 1.5], [3, 1.5], [4.6, 0.6]);
    expect(rows()).toEqual(['00005500', '00005500', '00000000', '00000000']);
    painter.nudge(1, 1);
    expect(rows()).toEqual(['00000000', '00000550', '00000550', '00000000']);
    painter.drop();
    expect(painter.selection.right).toBe(0);
    expect(drawing.undo()).toBe('move');
    expect(rows()).toEqual(['00000000', '05500000', '05500000', '00000000']);
  });

  it('copies from the map below, without the background', () => {
    const { drawing, painter, drag, rows } = bench('select');
    drawing.below = Uint8Array.from('11111111' + '12311111' + '11111111' + '11111111', Number);
    drag([0, 0], [3, 2]);
    drag([1, 1], [4, 2]);
    painter.drop();
    expect(rows()).toEqual(['11111111', '12311111', '11112311', '11111111']);
    expect(drawing.undo()).toBe('copy');
  });

  it('stamps a selection, mirrored where that is asked for', () => {
    const { painter, drawing, drag, rows } = bench('select');
    drawing.below = Uint8Array.from('11111111' + '12311111' + '11111111' + '11111111', Number);
    expect(painter.takeStamp()).toBe(false);
    drag([0, 0], [3, 2]);
    expect(painter.takeStamp()).toBe(true);
    expect(painter.settings.tool).toBe('stamp');
    drag([6, 1.5]);
    painter.flipStamp();
    drag([6, 3.5]);
    expect(rows()).toEqual(['11111111', '12311231', '11111111', '11111321']);
    expect(drawing.undo()).toBe('stamp');
  });

  it('deletes what is selected, and forgets what was cancelled', () => {
    const { drawing, painter, touch, drag, rows } = bench('rectangle');
    drag([0, 0], [7, 3]);
    painter.settings.tool = 'select';
    drag([0, 0], [3, 3]);
    painter.deleteSelection();
    expect(rows()).toEqual(Array(4).fill('00005555'));
    drag([4, 0], [5, 0]);
    painter.down(touch(4.5, 0.5));
    painter.move(touch(0.5, 3.5));
    painter.cancel();
    expect(rows()).toEqual(Array(4).fill('00005555'));
    expect(drawing.history.undoes).toBe('delete');
  });

  it('takes back whatever a pointer began, of every tool, when another finger comes', () => {
    for (const tool of ['brush', 'eraser', 'line', 'rectangle', 'ellipse', 'fill'] as const) {
      const { drawing, painter, touch, drag, rows } = bench('rectangle', { size: 2 });
      drag([0, 0], [3, 1]);
      const before = rows();
      painter.settings.tool = tool;
      painter.settings.ink = [7];
      painter.down(touch(1, 1));
      painter.move(touch(6, 3));
      expect([tool, ...rows()]).not.toEqual([tool, ...before]);
      painter.cancel();
      painter.move(touch(7, 0));
      painter.up();
      expect([tool, ...rows()]).toEqual([tool, ...before]);
      expect(drawing.undo()).toBe('rectangle');
      expect(drawing.undo()).toBeNull();
    }
    const { drawing, painter, touch, drag, rows } = bench('rectangle');
    drag([0, 0], [1, 1]);
    painter.settings.tool = 'select';
    drag([0, 0], [2, 2]);
    drag([1, 1], [4, 1]);
    const carried = ['00055000', '00055000', '00000000', '00000000'];
    expect(rows()).toEqual(carried);
    // What is carried stays where it was carried to, whether it was grasped again or another part was to be selected.
    for (const from of [touch(4, 1), touch(7, 3)]) {
      painter.down(from);
      painter.move(touch(6, 2));
      painter.cancel();
      expect(rows()).toEqual(carried);
      expect(painter.selection).toEqual({ left: 3, top: 0, right: 6, bottom: 3 });
    }
    painter.takeStamp();
    painter.down(touch(6, 3));
    painter.move(touch(2, 3));
    painter.cancel();
    expect(rows()).toEqual(carried);
    painter.settings.tool = 'pick';
    let picked = 0;
    painter.onPick = () => (picked += 1);
    painter.down(touch(4, 1));
    painter.cancel();
    expect(picked).toBe(0);
    expect(['move', 'rectangle', null]).toEqual([drawing.undo(), drawing.undo(), drawing.undo()]);
  });

  it('puts a stamp where the pointer goes up, and stops where somebody undid meanwhile', () => {
    const { drawing, painter, touch, drag, rows } = bench('rectangle');
    drag([0, 0], [1, 0]);
    painter.settings.tool = 'select';
    drag([0, 0], [1, 0]);
    painter.settings.cutOut = false;
    painter.takeStamp();
    drag([2, 2.5], [3, 2.5], [5, 3.5]);
    expect(rows()).toEqual(['55000000', '00000000', '00000000', '00005500']);
    painter.down(touch(5, 1.5));
    drawing.undo();
    painter.move(touch(5, 2.5));
    painter.up();
    expect(rows()).toEqual(['55000000', '00000000', '00000000', '00000000']);
    expect(drawing.redo()).toBe('stamp');
    expect(rows()[3]).toBe('00005500');
  });
});
