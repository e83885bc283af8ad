import { PROTOCOL, type ModelMessage } from './messages.js';
import type { LiveModel, LiveServices } from './services.js';

/** What is played, and what may be asked of it. */
export function modelMessage(model: LiveModel, services: LiveServices): ModelMessage {
  const { info, layout, width, height, engine } = model;
  const { name } = (info.pipeline as { name?: unknown } | null) ?? {};
  return {
    ...{ type: 'model', protocol: PROTOCOL },
    name: typeof name === 'string' ? name : 'generator',
    step: info.step,
    ...{ width, height },
    fixed: info.fixed !== null || services.open === undefined,
    layout,
    input: info.input,
    noise: info.generator.noiseChannels > 0,
    styles: info.styles ?? [],
    engine,
    clips: services.clips?.list ?? [],
    can: { record: services.record !== undefined, filter: services.filter !== undefined },
  };
}
