import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { inBench } from '../support/files.js';

export interface PeerAnswer {
  /** A frame. */
  readonly seconds?: number;
  /** Why it was not timed. */
  readonly skipped?: string;
}

/** Python's side: a process that stays, and answers one JSON line with another. */
export interface Peer {
  ask(question: Readonly<Record<string, unknown>>): Promise<PeerAnswer>;
  stop(): void;
}

export function startPeer(python: string): Peer {
  const child = spawn(python, [inBench('peers/synthesis_worker.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = new Promise<never>((_, fail) => {
    child.on('error', fail);
    child.on('close', (code) => fail(new Error(`the Python side ended with ${code}`)));
  });
  ended.catch(() => undefined);
  return {
    async ask(question) {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      const line: IteratorResult<string> = await Promise.race([lines.next(), ended]);
      return JSON.parse(line.value as string) as PeerAnswer;
    },
    stop: () => child.stdin.end(),
  };
}
