export type { Comparison } from './compare.js';
export {
  exportGenerator,
  type ExportModel,
  type ExportOptions,
  type ExportResult,
} from './export-generator.js';
