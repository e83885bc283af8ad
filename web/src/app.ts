import type { FiguresMessage, ModelMessage, StateMessage } from '../../src/play/live/messages.js';
import type { Packet, SessionKind } from '../../src/play/live/packets.js';
import { Drawing } from './draw/drawing.js';
import { Painter, type PaintSettings, type Tool } from './draw/painter.js';
import { Emitter } from './emitter.js';
import type { EngineChoice, EngineName, TransportState } from './engine/transport.js';
import { SessionClient, type Problem, type SessionEvents } from './session/client.js';
import { Composer } from './session/composer.js';

/** What the parts of the page tell each other. */
export interface AppEvents {
  readonly model: ModelMessage;
  readonly state: StateMessage;
  readonly figures: FiguresMessage;
  readonly frame: Packet<SessionKind>;
  readonly condition: Packet<SessionKind>;
  readonly recorded: Parameters<SessionEvents['recorded']>[0];
  readonly problem: Problem;
  /** What is worth knowing and stops nothing. */
  readonly notice: string;
  readonly transport: TransportState;
  readonly engine: EngineName;
  /** The drawing is another one: of another size, or of another model. */
  readonly drawing: Drawing;
  /** What the drawing looks like has changed, or its sheets. */
  readonly changed: Drawing;
  /** How one draws has changed. */
  readonly tool: PaintSettings;
  readonly selection: Painter;
  /** Somebody has drawn. */
  readonly drawn: Tool;
  readonly below: Composer;
}

const FIRST_SETTINGS: PaintSettings = {
  tool: 'brush',
  size: 9,
  shape: 'round',
  filled: true,
  ink: [0],
  tolerance: 0,
  cutOut: true,
  pressure: true,
};

/** The page's one state: the session, the drawing, and how one draws. */
export class App extends Emitter<AppEvents> {
  readonly engines: readonly EngineChoice[];
  readonly composer: Composer;
  readonly settings: PaintSettings = { ...FIRST_SETTINGS };
  client: SessionClient | null = null;
  engine: EngineName | null = null;
  drawing: Drawing | null = null;
  painter: Painter | null = null;
  /** Tool before the present one: what a pick goes back to. */
  #before: Tool = 'brush';

  constructor(engines: readonly EngineChoice[]) {
    super();
    this.engines = engines;
    this.composer = new Composer(this);
  }

  get model(): ModelMessage | null {
    return this.client?.model ?? null;
  }

  get state(): StateMessage | null {
    return this.client?.state ?? null;
  }

  /** Opens a session with an engine; the one before ends, and its settings are taken along. */
  use(name: EngineName): void {
    const choice = this.engines.find((engine) => engine.name === name);
    if (!choice) return;
    const before = this.state;
    let asksAsBefore = before !== null;
    this.client?.close();
    this.engine = name;
    this.emit('engine', name);
    this.client = new SessionClient(choice.open(), {
      model: (model) => this.#take(model),
      state: (state) => {
        if (asksAsBefore && before) {
          asksAsBefore = false;
          this.#askAsBefore(before);
        }
        this.emit('state', state);
      },
      figures: (figures) => this.emit('figures', figures),
      frame: (frame) => {
        // Taken when it has come and not when it is shown: the world goes on in a window that nobody sees.
        this.client?.send({ type: 'shown', frame: frame.number });
        this.emit('frame', frame);
      },
      condition: (condition) => this.emit('condition', condition),
      recorded: (recorded) => this.emit('recorded', recorded),
      problem: (problem) => this.emit('problem', problem),
      warning: (message) => this.emit('notice', message),
      transport: (state) => this.emit('transport', state),
    });
  }

  /**
   * Begins again. What is told nothing but actions has nothing to begin from but pictures: those of its clip,
   * where there is one, another place of it each time.
   */
  beginAgain(): void {
    const clip = this.model?.clips[0];
    if (this.model?.layout.content !== 'none' || !clip) this.client?.send({ type: 'reset' });
    else this.beginFromClip(0);
  }

  /** Begins from real frames of a clip, somewhere in it. */
  beginFromClip(clip: number): void {
    const frames = this.model?.clips[clip]?.frames ?? 0;
    if (frames === 0) return;
    const [word] = crypto.getRandomValues(new Uint32Array(1));
    // Not among the very first: some frames before it are the world's past.
    const first = Math.min(frames - 1, 16);
    this.client?.send({ type: 'start', clip, frame: first + (word! % (frames - first)) });
  }

  chooseTool(tool: Tool): void {
    if (tool === this.settings.tool) return;
    if (this.settings.tool !== 'pick') this.#before = this.settings.tool;
    if (tool !== 'select') this.painter?.drop();
    this.settings.tool = tool;
    this.emit('tool', this.settings);
  }

  /** @param ink bytes of a pixel; what takes away draws again from then on */
  chooseInk(ink: readonly number[]): void {
    this.settings.ink = ink;
    if (this.settings.tool === 'eraser' || this.settings.tool === 'pick') {
      this.settings.tool = this.#before === 'eraser' ? 'brush' : this.#before;
    }
    this.emit('tool', this.settings);
  }

  set(settings: Partial<PaintSettings>): void {
    Object.assign(this.settings, settings);
    this.emit('tool', this.settings);
  }

  /** A new drawing where the model's conditions are others than before; else what was drawn stays. */
  #take(model: ModelMessage): void {
    const { width, height, layout } = model;
    const depth = layout.bytesPerPixel;
    const { drawing } = this;
    const isSame = drawing?.width === width && drawing.height === height && drawing.depth === depth;
    if (layout.content === 'none') {
      this.drawing = null;
      this.painter = null;
    } else if (!isSame) {
      const made = new Drawing({ width, height, depth });
      const painter = new Painter(made, this.settings);
      made.onChange = () => {
        this.composer.schedule();
        this.emit('changed', made);
      };
      painter.onPick = (ink) => this.chooseInk(ink);
      painter.onSelect = () => this.emit('selection', painter);
      this.drawing = made;
      this.painter = painter;
    }
    this.emit('model', model);
    if (!isSame && this.drawing) this.emit('drawing', this.drawing);
    this.composer.start(model, isSame);
    if (layout.content === 'none' && model.clips.length > 0) this.beginAgain();
  }

  #askAsBefore({ fps, speed, style, playing, seed }: StateMessage): void {
    const { client } = this;
    if (!client) return;
    client.send({ type: 'fps', fps });
    client.send({ type: 'speed', speed });
    if (style) client.send({ type: 'style', style });
    if (client.model?.noise) client.send({ type: 'seed', seed });
    client.send({ type: playing ? 'play' : 'pause' });
  }
}
