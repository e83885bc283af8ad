import { nativeAddon } from '../native.js';

/** What speaks to the group that native TensorFlow has joined: compiled by set-up from `scripts/setup/group.cc`. */
export interface GroupAddon {
  /** @returns whether TF.js's addon at that path has joined a group */
  open(addon: string): boolean;
  /** What is wrong with a peer; empty where it answers within so many milliseconds. */
  check(rank: number, milliseconds: number): string;
  /** Asks all peers in a thread, and ends what waits for one that answers no more. */
  watch(
    size: number,
    own: number,
    everyMs: number,
    timeoutMs: number,
    port: number,
    peers: string,
  ): void;
  unwatch(): void;
  /** The peer that answers no more. */
  lost(): { readonly rank: number; readonly why: string } | undefined;
}

/** Undefined where native TensorFlow is not loaded, could not join, or set-up could not compile it. */
export function openGroupAddon(): GroupAddon | undefined {
  const found = nativeAddon('group.node');
  const addon = found?.addon as GroupAddon | undefined;
  return found && addon?.open(found.binding) ? addon : undefined;
}
