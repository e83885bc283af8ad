import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { inBench } from './files.js';

/** PyTorch's side: a process that stays, and answers one JSON line with another. */
export interface Worker {
  /** @throws Error with the other side's words when it failed */
  ask<Answer extends object>(request: Readonly<Record<string, unknown>>): Promise<Answer>;
  stop(): Promise<void>;
}

export function startWorker(python: string): Worker {
  const child = spawn(python, [inBench('peers/mirror_worker.py')], {
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
        throw new Error(`the PyTorch process ended while asked to ${String(request.do)}`);
      }
      const answer = JSON.parse(line.value) as Answer & { error?: string };
      if (answer.error !== undefined) throw new Error(`PyTorch: ${answer.error}`);
      return answer;
    },
    async stop(): Promise<void> {
      child.stdin.end();
      await ended;
    },
  };
}
