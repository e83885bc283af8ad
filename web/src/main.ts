import { App } from './app.js';
import { authorization } from './engine/authorization.js';
import { engineChoices, findSite, firstChoice, onNewExport } from './engine/index.js';
import { buildPage } from './page.js';
import { ServerApi } from './session/api.js';
import { TrainingView } from './training/view.js';
import { showClosed } from './ui/closed.js';

async function open(place: HTMLElement): Promise<void> {
  const site = await findSite();
  const engines = await engineChoices(site);
  const app = new App(engines);
  const api = site.kind === 'server' ? new ServerApi(site.base, authorization(site.token)) : null;
  const isTraining = site.kind === 'server' && site.about.training;
  const training =
    api && isTraining ? new TrainingView(app, api, site.base, site.token).element : null;
  place.replaceChildren(buildPage(app, api, training));
  // A training without weights yet has nothing to play: its view begins when there is.
  if (site.kind === 'server' && site.about.step === null) return;
  const first = firstChoice(engines, new URLSearchParams(location.search).get('engine'));
  if (first) app.use(first);
  else {
    const reasons = engines.map(({ name, unavailable }) => `${name}: ${unavailable ?? ''}`);
    app.emit('problem', {
      message: `nothing here can run the generator: ${reasons.join('; ')}`,
      hint: 'a browser of this year has WebAssembly',
      fatal: true,
    });
  }
  if (site.kind === 'export') {
    onNewExport(() =>
      app.emit('notice', 'There is a newer export of this page: reload when you like.'),
    );
  }
}

const place = document.querySelector<HTMLElement>('#page')!;
open(place).catch((error: unknown) => showClosed(place, 'Frameloom live', error));
