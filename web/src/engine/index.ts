export { engineChoices, firstChoice } from './choices.js';
export { keepOffline, onNewExport } from './offline.js';
export { findSite, type PageSite } from './site.js';
export type {
  EngineChoice,
  EngineName,
  Transport,
  TransportError,
  TransportState,
} from './transport.js';
