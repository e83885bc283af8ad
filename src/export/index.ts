export type { Comparison } from './compare.js';
export {
  exportGenerator,
  type ExportModel,
  type ExportOptions,
  type ExportResult,
  PRECISIONS,
  type Precision,
} from './export-generator.js';
export { EXPORT_TARGETS, type ExportTarget } from './targets.js';
export type { FixedSize } from './metadata.js';
