import { z } from 'zod';
import { FrameloomError, messageOf } from '../base/error.js';
import type { Logger } from '../base/log.js';
import { counted } from '../base/units.js';
import type { Size } from '../play/live/services.js';
import { LIMITS } from './limits.js';
import type { RecordMessage } from './page-api.js';
import type { FinishedRecording, Recording } from './recording.js';
import { assertSize } from './size.js';
import type { LiveSocket, SocketEars } from './sockets.js';

const fromPage = z.union([
  z.strictObject({
    type: z.literal('start'),
    width: z.int(),
    height: z.int(),
    fps: z.number().min(0.1).max(1000),
  }),
  z.strictObject({ type: z.literal('stop'), lost: z.int().min(0).default(0) }),
]);

export interface RecordingSocketOptions<Frame> {
  readonly begin: (start: Size & { readonly fps: number }) => Promise<Recording<Frame>>;
  /** A message as a frame; its bytes are the frame's own. @throws FrameloomError bad-input */
  readonly read: (bytes: Uint8Array<ArrayBuffer>, size: Size) => Frame;
  /** Where a recording lies, for words. */
  readonly placeOf: (finished: FinishedRecording) => string;
  /** Told of a recording until it is in its place, or nothing of it is left to do. */
  readonly hold?: (work: Promise<unknown>) => void;
  readonly log: Logger;
}

/** Frames of a page, to be recorded. One recording for each connection. */
export function recordFrames<Frame>(
  socket: LiveSocket,
  { begin, read, placeOf, hold, log }: RecordingSocketOptions<Frame>,
): SocketEars {
  let recording: Promise<Recording<Frame>> | undefined;
  let over = (): void => undefined;
  let size: Size = { width: 0, height: 0 };
  let [taken, waiting, failed] = [0, 0, false];
  const say = (message: RecordMessage): void => socket.send(JSON.stringify(message));
  const fail = (error: unknown): void => {
    if (failed) return;
    failed = true;
    // What becomes of it is told by its end, where it comes to one.
    void Promise.resolve(recording)
      .then((one) => one?.finish())
      .then(
        () => socket.fail(error),
        (told: unknown) => socket.fail(told),
      )
      .then(over);
  };

  async function end(
    running: Promise<Recording<Frame>>,
    { told, lost }: { readonly told: boolean; readonly lost: number },
  ): Promise<void> {
    const finished = await (await running).finish().finally(over);
    if (!finished) {
      throw new FrameloomError('bad-call', 'nothing was recorded: no frame came');
    }
    const { name, folder, files } = finished;
    log.info(`recorded ${counted(files.frames, 'frame')}: ${placeOf(finished)}`);
    if (lost > 0) {
      log.warn(
        `${counted(lost, 'frame')} of them could not be taken in time: the picture before stands in their place`,
      );
    }
    if (told) say({ type: 'recorded', name, folder, files });
    socket.close();
  }

  return {
    onText(text) {
      const message = fromPage.safeParse(parsed(text)).data;
      if (!message) {
        throw new FrameloomError('bad-input', 'a message to record is neither start nor stop');
      }
      if (message.type === 'start') {
        if (recording) throw new FrameloomError('bad-call', 'it is recorded already');
        size = assertSize(message);
        hold?.(new Promise<void>((resolve) => (over = resolve)));
        recording = begin({ ...size, fps: message.fps });
        recording.catch(over);
        recording.catch(fail);
      } else {
        if (!recording) throw new FrameloomError('bad-call', 'nothing is recorded');
        const running = recording;
        recording = undefined;
        end(running, { told: true, lost: message.lost }).catch(fail);
      }
    },
    onBytes(bytes) {
      if (!recording) throw new FrameloomError('bad-call', 'a frame came before start');
      if (failed) return;
      // What a page sends is acknowledged: one that waits for none of it would fill the memory.
      if (waiting + bytes.length > LIMITS.recordedBytes) {
        return fail(
          new FrameloomError('bad-input', 'frames came faster than they could be written', {
            hint: 'record fewer frames a second, or smaller ones',
          }),
        );
      }
      // A message is the transport's.
      const frame = read(bytes.slice(), size);
      waiting += bytes.length;
      recording
        .then((one) => one.add(frame))
        .then(() => {
          waiting -= bytes.length;
          say({ type: 'taken', frames: (taken += 1) });
        }, fail);
    },
    onClose() {
      if (recording && !failed) {
        end(recording, { told: false, lost: 0 }).catch((error: unknown) =>
          log.warn(messageOf(error)),
        );
      }
    },
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @throws FrameloomError bad-input for a message of another length than a frame has */
export function assertFrameBytes(bytes: Uint8Array, expected: number): void {
  if (bytes.length === expected) return;
  throw new FrameloomError('bad-input', `a frame has ${bytes.length} bytes, expected ${expected}`);
}
