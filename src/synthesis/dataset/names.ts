/** What commands and options call a data set's kinds and parts: without anything that makes one. */

/** How a data set lies on the disk. */
export const DATASET_FORMATS = ['folders', 'webdataset'] as const;
export type DatasetFormat = (typeof DATASET_FORMATS)[number];

/** What flow and mask are called together: what only some generators have. */
export const EXTRAS = ['flow', 'mask'] as const;
export type Extra = (typeof EXTRAS)[number];
