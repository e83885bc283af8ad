import { join } from 'node:path';
import { packageRoot } from '../base/own-package.js';

/** Where the pages are built to. */
export const PAGE_FOLDER = join(packageRoot, 'dist', 'web');
