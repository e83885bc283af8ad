import type { LiveServices } from '../../../../src/play/live/services.js';
import type { WorkerSource } from '../worker-messages.js';
import type { OpenedModel, PageGenerator } from './model.js';
import { serverClips } from './server-clips.js';
import { serverFilter } from './server-filter.js';
import { serverRecorder } from './server-recorder.js';
import { siteClips } from './site-clips.js';

/** What a session in the page has beside its generator: its clips, from the server or from beside the page, and what
 * only the server can do. */
export async function servicesOf(
  source: WorkerSource,
  generator: PageGenerator,
  model: OpenedModel,
): Promise<LiveServices> {
  const open: LiveServices['open'] = (size) => generator.open(size);
  if (source.kind === 'export') return { open, clips: siteClips(source) };
  const { bytesPerPixel } = model.layout;
  const clips = await serverClips(source, model, bytesPerPixel);
  const record = serverRecorder(source);
  if (source.filterUnavailable !== null) return { open, clips, record };
  return { open, clips, record, filter: serverFilter(source, bytesPerPixel) };
}
