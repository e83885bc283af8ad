import type { SnapshotChoice } from '../../../training/run/snapshot-store.js';
import type { BackendFlags } from '../../engine/backend-flag.js';
import type { TrustFlags } from '../../engine/trust-flag.js';
import type { SkipFlags } from '../../input/skip-broken.js';
import type { RankFlags } from './ranks.js';

export interface TrainFlags extends TrustFlags, SkipFlags, BackendFlags, RankFlags {
  clip?: string[] | undefined;
  keyframes?: string;
  run?: string;
  maxMinutes?: number;
  resume?: boolean;
  from?: string;
  snapshot?: SnapshotChoice;
  live?: boolean;
  dryRun?: boolean;
  json?: boolean;
}
