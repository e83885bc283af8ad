import type { Drawing } from './drawing.js';
import { flood } from './flood.js';
import { between, contains, cutOut, EMPTY, isEmpty, union, type Rect } from './raster.js';
import { Sprite } from './sprite.js';
import {
  drawEllipse,
  drawRectangle,
  drawStroke,
  type BrushShape,
  type Ink,
  type Point,
} from './shapes.js';

export const TOOLS = [
  'brush',
  'eraser',
  'line',
  'rectangle',
  'ellipse',
  'fill',
  'select',
  'stamp',
  'pick',
] as const;
export type Tool = (typeof TOOLS)[number];

/** How one draws now. */
export interface PaintSettings {
  tool: Tool;
  /** Pixels across. */
  size: number;
  shape: BrushShape;
  /** Rectangles and ellipses as areas, and else as outlines `size` pixels wide. */
  filled: boolean;
  /** What is drawn with: the bytes of a pixel. */
  ink: readonly number[];
  /** Of a fill: how far a level may be from the one that was touched. */
  tolerance: number;
  /** A stamp leaves out what lies at the border of its selection: its background. */
  cutOut: boolean;
  /** Whether a pen's pressure makes the stroke thinner. */
  pressure: boolean;
}

/** One touch of a pointer: where, in pixels of the drawing, how hard (0–1), and what is held down. */
export interface Touch extends Point {
  readonly pressure: number;
  readonly shift: boolean;
  readonly alt: boolean;
}

const isShape = (tool: Tool): tool is 'line' | 'rectangle' | 'ellipse' =>
  tool === 'line' || tool === 'rectangle' || tool === 'ellipse';

/**
 * Turns what a pointer does into what is drawn. It knows no screen: a mouse, a pen, a finger and the
 * arrow keys all call the same four functions.
 */
export class Painter {
  readonly settings: PaintSettings;
  readonly #drawing: Drawing;
  /** Told what was picked up from the drawing, and which tool was before. */
  onPick: (ink: readonly number[]) => void = () => undefined;
  /** Called when the selection or the stamp is another. */
  onSelect: () => void = () => undefined;

  #selection: Rect = EMPTY;
  #stamp: Sprite | null = null;
  /** What is being dragged about. */
  #carried: { sprite: Sprite; x: number; y: number; copied: boolean } | null = null;
  #from: Touch | null = null;
  #last: Touch | null = null;
  /** Where the last stroke ended: Shift draws a straight line from there. */
  #ended: Point | null = null;
  #doing: 'paint' | 'fill' | 'stamp' | 'pick' | 'select' | 'carry' | null = null;
  #dirty: Rect = EMPTY;
  /** What was selected when the pointer came down, and where what it grasped was carried; null where it lay still. */
  #selectedBefore: Rect = EMPTY;
  #grasped: Point | null = null;

  constructor(drawing: Drawing, settings: PaintSettings) {
    this.#drawing = drawing;
    this.settings = settings;
  }

  get selection(): Rect {
    return this.#selection;
  }

  get stamp(): Sprite | null {
    return this.#stamp;
  }

  get isDown(): boolean {
    return this.#doing !== null;
  }

  /** Whether what the pointer came down for needs no way: it is done when the pointer goes up. */
  get isTap(): boolean {
    return this.#doing === 'fill' || this.#doing === 'stamp' || this.#doing === 'pick';
  }

  down(touch: Touch): void {
    if (this.#doing) this.up();
    this.#from = touch;
    this.#last = touch;
    this.#dirty = EMPTY;
    const { tool } = this.settings;
    if (tool === 'pick' || (touch.alt && tool !== 'select' && tool !== 'stamp')) {
      this.#doing = 'pick';
    } else if (tool === 'select') this.#downOnSelection(touch);
    else if (tool === 'stamp') {
      if (!this.#stamp) return;
      this.#doing = 'stamp';
      this.#drawing.begin();
      this.#place(touch);
    } else if (tool === 'fill') {
      this.#doing = 'fill';
      this.#fill(touch);
    } else {
      this.#doing = 'paint';
      this.#drawing.begin();
      const start = tool !== 'line' && touch.shift && this.#ended ? this.#ended : touch;
      if (isShape(tool)) this.#shape(touch);
      else this.#stroke(start, touch);
    }
  }

  move(touch: Touch): void {
    const { tool } = this.settings;
    const changesPaint = this.#doing !== null && this.#doing !== 'select' && this.#doing !== 'pick';
    // Somebody undid, or changed the sheets, while the pointer was down: that has ended it.
    if (changesPaint && !this.#drawing.isEditing) this.#doing = this.#carried = null;
    if (this.#doing === 'paint') {
      if (isShape(tool)) this.#shape(touch);
      else this.#stroke(this.#last!, touch);
    } else if (this.#doing === 'select') {
      const { x, y } = this.#from!;
      this.#select(between(Math.floor(x), Math.floor(y), Math.floor(touch.x), Math.floor(touch.y)));
    } else if (this.#doing === 'carry') {
      this.#carry(touch.x - this.#last!.x, touch.y - this.#last!.y);
    } else if (this.#doing === 'stamp') this.#place(touch);
    this.#last = touch;
  }

  up(): void {
    const doing = this.#doing;
    this.#doing = null;
    if (doing === 'paint') {
      this.#ended = this.#last;
      this.#drawing.commit(this.settings.tool);
    } else if (doing === 'fill' || doing === 'stamp') this.#drawing.commit(doing);
    else if (doing === 'pick') this.#pick(this.#last!);
    else if (doing === 'select') {
      this.#putDown();
      // A tap selects nothing.
      if (this.#stays()) this.#select(EMPTY);
    }
  }

  /** As if the pointer had never come down. */
  cancel(): void {
    const doing = this.#doing;
    this.#doing = null;
    if (doing === null || doing === 'pick') return;
    if (doing === 'carry' && this.#grasped) {
      const { x, y } = this.#carried!;
      this.#rest = { x: 0, y: 0 };
      this.#carry(this.#grasped.x - x, this.#grasped.y - y);
      return;
    }
    if (doing === 'carry') this.#carried = null;
    if (doing !== 'select') this.#drawing.cancel();
    if (doing === 'carry' || doing === 'select') this.#select(this.#selectedBefore);
  }

  selectAll(): void {
    const { width, height } = this.#drawing;
    this.drop();
    this.#select({ left: 0, top: 0, right: width, bottom: height });
  }

  /** Lets go of what is carried, where it is, and of the selection. */
  drop(): void {
    this.#putDown();
    if (!isEmpty(this.#selection)) this.#select(EMPTY);
  }

  /**
   * Makes what is seen in the selection the stamp, and the stamp the tool.
   * @returns false where nothing is selected
   */
  takeStamp(): boolean {
    if (isEmpty(this.#selection)) return false;
    this.#stamp = Sprite.of(this.#seen(), this.#selection, this.settings.cutOut);
    this.settings.tool = 'stamp';
    this.drop();
    this.onSelect();
    return true;
  }

  /** The stamp in a mirror. */
  flipStamp(): void {
    if (!this.#stamp) return;
    this.#stamp = this.#stamp.flipped();
    this.onSelect();
  }

  /** Moves what is selected by whole pixels. */
  nudge(x: number, y: number): void {
    if (isEmpty(this.#selection)) return;
    this.#lift(false);
    this.#carry(x, y);
  }

  /** Takes away what the selection covers of the active layer. */
  deleteSelection(): void {
    if (isEmpty(this.#selection)) return;
    if (this.#carried) {
      this.#carried = null;
      this.#drawing.restart();
      this.#drawing.commit('delete');
      return;
    }
    const raster = this.#drawing.begin();
    const { left, top, right, bottom } = this.#selection;
    const area = drawRectangle(
      raster,
      { x: left, y: top },
      { x: right - 1, y: bottom - 1 },
      null,
      null,
    );
    this.#drawing.touch(area);
    this.#drawing.commit('delete');
  }

  get #ink(): Ink {
    return this.settings.tool === 'eraser' ? null : this.settings.ink;
  }

  #widthAt({ pressure }: Touch): number {
    const { size } = this.settings;
    return this.settings.pressure ? Math.max(1, size * pressure) : size;
  }

  #stroke(from: Point, to: Touch): void {
    const raster = this.#drawing.active.raster;
    const width = this.#widthAt(to);
    this.#drawing.touch(drawStroke(raster, from, to, width, this.settings.shape, this.#ink));
  }

  #shape(touch: Touch): void {
    const { tool, size, shape, filled } = this.settings;
    const from = this.#from!;
    const raster = this.#drawing.restart();
    const to = touch.shift ? constrained(from, touch, tool === 'line') : touch;
    const outline = filled ? null : size;
    const area =
      tool === 'line'
        ? drawStroke(raster, middle(from), middle(to), size, shape, this.#ink)
        : tool === 'rectangle'
          ? drawRectangle(raster, from, to, outline, this.#ink)
          : drawEllipse(raster, from, to, outline, this.#ink);
    this.#drawing.touch(union(area, this.#dirty));
    this.#dirty = area;
  }

  #putDown(): void {
    if (!this.#carried) return;
    const { copied } = this.#carried;
    this.#carried = null;
    this.#drawing.commit(copied ? 'copy' : 'move');
  }

  #fill({ x, y }: Touch): void {
    const raster = this.#drawing.begin();
    const seen = { bytes: this.#drawing.composed(), depth: this.#drawing.depth };
    const { tolerance } = this.settings;
    const area = flood(seen, Math.floor(x), Math.floor(y), tolerance, raster, this.#ink);
    this.#drawing.touch(area);
  }

  #pick({ x, y }: Touch): void {
    const { width, height, depth } = this.#drawing;
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (column < 0 || row < 0 || column >= width || row >= height) return;
    const from = (row * width + column) * depth;
    this.onPick([...this.#drawing.composed().subarray(from, from + depth)]);
  }

  #downOnSelection(touch: Touch): void {
    this.#selectedBefore = this.#selection;
    if (contains(this.#selection, Math.floor(touch.x), Math.floor(touch.y))) {
      this.#grasped = this.#carried && { x: this.#carried.x, y: this.#carried.y };
      this.#lift(touch.alt);
      this.#doing = 'carry';
      return;
    }
    // What is carried stays so until this has become a selection of its own.
    this.#doing = 'select';
  }

  /** Whether the pointer went up in the pixel that it came down in. */
  #stays(): boolean {
    const [from, to] = [this.#from!, this.#last!];
    return Math.floor(from.x) === Math.floor(to.x) && Math.floor(from.y) === Math.floor(to.y);
  }

  #select(rect: Rect): void {
    const { width, height } = this.#drawing;
    this.#selection = {
      left: Math.max(0, rect.left),
      top: Math.max(0, rect.top),
      right: Math.min(width, rect.right),
      bottom: Math.min(height, rect.bottom),
    };
    if (isEmpty(this.#selection)) this.#selection = EMPTY;
    this.onSelect();
  }

  /** Everything that is seen, as a sheet of its own. */
  #seen(): Parameters<typeof cutOut>[0] {
    const { width, height, depth } = this.#drawing;
    const bytes = this.#drawing.composed();
    return { width, height, depth, bytes, there: new Uint8Array(width * height).fill(1) };
  }

  /**
   * Takes what the selection holds off the active layer, so that it can be moved; where it holds nothing
   * there, or a copy is wanted, what is seen.
   */
  #lift(copy: boolean): void {
    if (this.#carried && this.#drawing.isEditing) return;
    const { raster } = this.#drawing.active;
    const own = cutOut(raster, this.#selection);
    const copied = copy || !own.there.includes(1);
    const sprite = copied
      ? Sprite.of(this.#seen(), this.#selection, this.settings.cutOut)
      : new Sprite(own);
    const { left, top } = this.#selection;
    this.#drawing.begin();
    this.#carried = { sprite, x: left, y: top, copied };
    this.#hole = copied ? EMPTY : this.#selection;
    this.#dirty = this.#hole;
  }

  #hole: Rect = EMPTY;
  /** Fractions of a pixel that a drag has gone and the sprite has not. */
  #rest: Point = { x: 0, y: 0 };

  #carry(x: number, y: number): void {
    const carried = this.#carried;
    if (!carried) return;
    const to = { x: this.#rest.x + x, y: this.#rest.y + y };
    const [dx, dy] = [Math.round(to.x), Math.round(to.y)];
    this.#rest = { x: to.x - dx, y: to.y - dy };
    carried.x += dx;
    carried.y += dy;
    const raster = this.#drawing.restart();
    const { left, top, right, bottom } = this.#hole;
    if (!isEmpty(this.#hole)) {
      drawRectangle(raster, { x: left, y: top }, { x: right - 1, y: bottom - 1 }, null, null);
    }
    const area = carried.sprite.putOn(raster, carried.x, carried.y);
    this.#drawing.touch(union(union(area, this.#dirty), this.#hole));
    this.#dirty = area;
    this.#selection = {
      left: carried.x,
      top: carried.y,
      right: carried.x + carried.sprite.width,
      bottom: carried.y + carried.sprite.height,
    };
    this.onSelect();
  }

  /** Puts the stamp where the pointer is, and nowhere else, until that goes up. */
  #place({ x, y }: Touch): void {
    const stamp = this.#stamp!;
    const raster = this.#drawing.restart();
    const { width, height } = stamp;
    const area = stamp.putOn(raster, Math.round(x - width / 2), Math.round(y - height / 2));
    this.#drawing.touch(union(area, this.#dirty));
    this.#dirty = area;
  }
}

const middle = ({ x, y }: Point): Point => ({ x: Math.floor(x) + 0.5, y: Math.floor(y) + 0.5 });

/** The end of a line at a multiple of 45°, or of a shape as wide as high. */
function constrained(from: Point, to: Point, isLine: boolean): Point {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  if (isLine) {
    const step = Math.PI / 4;
    const angle = Math.round(Math.atan2(dy, dx) / step) * step;
    const length = Math.hypot(dx, dy);
    return { x: from.x + length * Math.cos(angle), y: from.y + length * Math.sin(angle) };
  }
  const side = Math.max(Math.abs(dx), Math.abs(dy));
  return { x: from.x + side * Math.sign(dx || 1), y: from.y + side * Math.sign(dy || 1) };
}
