import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { inBench } from './files.js';

/** Python's side: a process that stays, and answers one JSON line with another. */
export interface Worker {
  /** @throws Error with the other side's words when it failed */
  ask<Answer extends object>(request: Readonly<Record<string, unknown>>): Promise<Answer>;
  stop(): Promise<void>;
}

/** @param program of bench/peers */
export function startWorker(python: string, program = 'mirror_worker.py'): Worker {
  const child = spawn(python, [inBench(`peers/${program}`)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise<void>((done, fail) => {
    child.on('error', fail);
    child.on('close', () => done());
  });
  // Whoever asks next is told; without a handler the process would end here.
  ended.catch(() => undefined);
  return {
    async ask<Answer extends object>(request: Readonly<Record<string, unknown>>): Promise<Answer> {
      child.stdin.write(`${JSON.stringify(request)}\n`);
      const line: IteratorResult<string, unknown> = await lines.next();
      if (line.done === true) {
        await ended;
        throw new Error(`${program} ended while asked for ${JSON.stringify(request)}`);
      }
      const answer = JSON.parse(line.value) as Answer & { error?: string };
      if (answer.error !== undefined) throw new Error(`${program}: ${answer.error}`);
      return answer;
    },
    async stop(): Promise<void> {
      child.stdin.end();
      await ended;
    },
  };
}
