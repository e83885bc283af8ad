import type { App } from './app.js';
import { firstClass } from './draw/classes.js';
import type { ServerApi } from './session/api.js';
import { Actions } from './ui/actions.js';
import { Drawings } from './ui/drawings.js';
import { el, section } from './ui/dom.js';
import { deviceLine, engineChoice } from './ui/figures.js';
import { firstHint } from './ui/hint.js';
import { header } from './ui/header.js';
import { Layers } from './ui/layers.js';
import { notice, noticesElement, problem } from './ui/notices.js';
import { Palette } from './ui/palette.js';
import { Playback, worldSection } from './ui/playback.js';
import { Recording } from './ui/recording.js';
import { remembered } from './ui/remembered.js';
import { helpDialog, listen, type ShortcutGroup } from './ui/shortcuts.js';
import { Sources } from './ui/sources.js';
import { Stage, viewButtons } from './ui/stage.js';
import { themeButton } from './ui/theme.js';
import { ToolRail, toolOptions } from './ui/tools.js';
import { check, slider } from './ui/dom.js';

/**
 * Puts the whole page together.
 * @param api of the server; null where the page has none
 * @param training what shows a training that is under way; null where none is
 */
export function buildPage(
  app: App,
  api: ServerApi | null,
  training: HTMLElement | null,
): HTMLElement {
  const stage: Stage = new Stage(app, (event) => actions.takes(event));
  const views = viewButtons(stage);
  const rail = new ToolRail(app);
  const palette = new Palette(app);
  const layers = new Layers(app);
  const playback = new Playback(app);
  const recording = new Recording(app, api, stage.world);
  const sources = new Sources(app);
  const drawings = new Drawings(app, api, sources);
  const theme = themeButton();
  const actions: Actions = new Actions(app, stage.world);

  const groups: ShortcutGroup[] = [
    { title: 'Tools', shortcuts: rail.shortcuts },
    { title: 'Palette', shortcuts: palette.shortcuts },
    { title: 'World', shortcuts: [...playback.shortcuts, ...recording.shortcuts] },
    { title: 'Layers', shortcuts: layers.shortcuts },
    {
      title: 'Page',
      shortcuts: [
        ...drawings.shortcuts,
        { keys: 'V', does: 'The next view', run: views.next },
        ...stage.zoom.shortcuts,
        { keys: 'D', does: 'Dark, light, or as the system has it', run: theme.next },
        { keys: '?', does: 'This list', run: () => help.showModal() },
      ],
    },
    {
      title: 'On the drawing',
      shortcuts: [
        {
          keys: 'Arrows',
          does: 'Move the pen, or what is selected; with Shift further',
          run: nothing,
        },
        { keys: 'Space', does: 'Pen down, pen up', run: nothing },
        { keys: 'Enter', does: 'Pen down or up; drop what is carried', run: nothing },
        { keys: 'Escape', does: 'Take the stroke back', run: nothing },
      ],
    },
  ];
  const help = helpDialog(groups);
  listen(groups.slice(0, -1), (event) => actions.takes(event));

  const opacity = slider({
    name: 'Drawing over the world',
    least: 0,
    most: 100,
    value: Math.round(100 * stage.opacity),
    shown: (value) => `${value} %`,
    onInput: (value) => (stage.opacity = value / 100),
  });
  const smooth = check('Smooth enlargement', remembered.smooth.get(), (isOn) => {
    stage.smooth = isOn;
  });
  stage.smooth = remembered.smooth.get();

  app.on('problem', problem);
  app.on('notice', notice);
  app.on('model', ({ layout, name }) => {
    document.title = `${name} · Frameloom live`;
    page.dataset.content = layout.content;
  });
  chooseFirstInk(app);

  const page = el(
    'div',
    { class: 'page-grid', 'data-content': 'none' },
    header(app, { engine: engineChoice(app), views: views.element, theme: theme.element, help }),
    rail.element,
    el(
      'main',
      { class: `middle ${training ? 'trains' : ''}` },
      training,
      stage.element,
      firstHint(app),
      actions.element,
      el(
        'div',
        { class: 'bar' },
        playback.element,
        recording.element,
        stage.zoom.element,
        deviceLine(app),
      ),
    ),
    el(
      'aside',
      { class: 'panel', 'aria-label': 'Settings' },
      palette.element,
      toolOptions(app),
      layers.element,
      sources.element,
      worldSection(app),
      section('View', el('div', { class: 'over-only' }, opacity.element), smooth.element),
      drawings.element,
    ),
    noticesElement(),
    help,
    recording.dialog,
    actions.dialog,
    drawings.dialog,
  );
  return page;
}

const nothing = (): void => undefined;

/** What one begins to draw with: something that is seen and changes the world. */
function chooseFirstInk(app: App): void {
  let isChosen = false;
  app.on('drawing', ({ width, depth }) => {
    const { layout } = app.model!;
    const isLabels = layout.content === 'labels';
    // As wide as a fourteenth of the picture: neither a dot nor everything. Outlines are drawn with a pen.
    app.set({
      size: isLabels || depth === 3 ? Math.max(3, Math.round(width / 14)) : 1,
      ink: isLabels
        ? [firstClass(null, layout.channels)]
        : Array.from({ length: depth }, () => 255),
    });
    isChosen = false;
  });
  app.on('drawn', () => (isChosen = true));
  app.on('condition', ({ kind, pixels }) => {
    // What a session plays before its clip is read is blank.
    if (isChosen || kind !== 'clip' || app.model?.layout.content !== 'labels') return;
    isChosen = true;
    app.set({ ink: [firstClass(pixels, app.model.layout.channels)] });
  });
}
