import type { NetworkKind, Networks } from '../../../synthesis/evaluate/networks/networks.js';

/** What each network says, as the reports call it. */
const SAYS: Readonly<Record<NetworkKind, string>> = {
  lpips: 'LPIPS and tLP',
  features: 'KID and FID',
  videoFeatures: 'KVD and FVD',
  segmenter: 'classes seen',
};

/** Lines that say which file was looked through: numbers of different files cannot be compared. */
export const networkNotes = (used: Networks['used'] | null | undefined): string[] =>
  Object.entries(used ?? {}).map(
    ([kind, { file, sha256 }]) =>
      `${SAYS[kind as NetworkKind]} by ${file}, SHA-256 ${sha256.slice(0, 12)}`,
  );
