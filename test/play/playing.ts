import { createPlayer } from '../../src/play/player.js';
import type { PlayedFrame, PlayerOptions } from '../../src/play/player-types.js';
import { FakeClock, fakeModel, type FakeOptions } from './fakes.js';

/** A player of a generator whose frames take `ms`, with everything that it made. */
export function play(fake: FakeOptions, options: Omit<PlayerOptions, 'clock' | 'onFrame'> = {}) {
  const clock = new FakeClock();
  const told = { clock, ...fake };
  const model = fakeModel(told);
  const frames: PlayedFrame[] = [];
  const player = createPlayer(model, {
    ...options,
    clock,
    onFrame: (frame) => void frames.push(frame),
  });
  return { clock, model, frames, player, told };
}

/** A map of one label. */
export const labels = (id: number): Uint8Array => new Uint8Array(16).fill(id);
