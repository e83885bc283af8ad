import type { RecordedFile } from '../../../../src/play/live/messages.js';
import type { LiveFrame, LiveRecorder, LiveServices } from '../../../../src/play/live/services.js';
import {
  API,
  type RecordingFiles,
  type RecordingStart,
  type RecordMessage,
} from '../../../../src/serve/page-api.js';
import { authorization } from '../authorization.js';
import type { ServerSource } from '../worker-messages.js';
import { errorIn, ServerSocket } from './server-socket.js';

/** What a recording is told with at its end. */
type Told = Extract<RecordMessage, { type: 'recorded' }>;

/** One message: the frame, its condition and its actions, one after the other. */
function messageOf(
  { rgb, condition, actions }: LiveFrame,
  columns: number,
): Uint8Array<ArrayBuffer> {
  // Nothing is pressed where nothing is told.
  const values = Float32Array.from({ length: columns }, (_, i) => actions?.[i] ?? 0);
  const pressed = columns > 0 ? new Uint8Array(values.buffer) : null;
  const parts = [rgb, condition, pressed].filter((part) => part !== null);
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The session's own `record`: what the page makes is recorded by the server, as if it had made it. */
export const serverRecorder =
  (source: ServerSource): NonNullable<LiveServices['record']> =>
  async ({ width, height, fps, layout }) => {
    const columns = layout.actions?.length ?? 0;
    const socket = new ServerSocket(source, API.record);
    // A second of frames may be on their way.
    const ahead = Math.max(2, Math.round(fps));
    let sent = 0;
    let taken = 0;
    let failure: Error | undefined;
    let told: Told | undefined;
    let wake = (): void => undefined;
    const fail = (error: Error): void => {
      failure ??= error;
      wake();
    };
    socket.onEnd = (error) => {
      if (!told) fail(error);
    };
    socket.onMessage = (data) => {
      const message = JSON.parse(data as string) as RecordMessage;
      if (message.type === 'taken') taken = message.frames;
      else if (message.type === 'recorded') told = message;
      else if (message.type === 'error') fail(errorIn(message));
      wake();
    };
    /** @throws FrameloomError what ended the recording */
    const until = async (isSo: () => boolean): Promise<void> => {
      while (!isSo()) {
        if (failure) throw failure;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    };
    const start: RecordingStart = { type: 'start', width, height, fps };
    await socket.send(JSON.stringify(start));
    const recorder: LiveRecorder = {
      async add(frame) {
        if (failure) throw failure;
        sent += 1;
        await socket.send(messageOf(frame, columns));
        await until(() => sent - taken < ahead);
      },
      async end() {
        await socket.send(JSON.stringify({ type: 'stop' } satisfies RecordMessage));
        await until(() => told !== undefined);
        const { name, folder, files } = told!;
        return { folder, frames: files.frames, files: await recordedFiles(source, name, files) };
      },
    };
    return recorder;
  };

/** The files of a recording, as the session tells them. */
function recordedFiles(
  { base, token }: ServerSource,
  name: string,
  files: RecordingFiles,
): Promise<RecordedFile[]> {
  const found = (['video', 'condition', 'actions', 'pipeline'] as const).flatMap((holds) => {
    const file = files[holds];
    return file === null ? [] : [{ holds, file, url: `${API.recordings}/${name}/${file}` }];
  });
  return Promise.all(
    found.map(async ({ holds, file, url }) => {
      const answer = await fetch(new URL(url, base), {
        method: 'HEAD',
        headers: authorization(token),
      });
      return { holds, name: file, url, bytes: Number(answer.headers.get('content-length') ?? 0) };
    }),
  );
}
