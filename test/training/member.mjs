// One process of a group: joins, does what it is told through its channel, and tells what came of it.
import { createHash } from 'node:crypto';
import { TextDecoder, TextEncoder } from 'node:util';

const { modules, addresses, rank } = JSON.parse(process.argv[2]);
const { joinGroup } = await import(modules.group);
const { train } = await import(modules.trainer);
const { startRun } = await import(modules.runFolder);
const { parsePipeline } = await import(modules.load);
const { isFrameloomError } = await import(modules.error);

const said = [];
const log = {
  debug: () => undefined,
  ...Object.fromEntries(
    ['info', 'warn', 'error'].map((level) => [
      level,
      (text) => void said.push(`${level}: ${text}`),
    ]),
  ),
};
const group = await joinGroup({ addresses, rank }, { log, waitSeconds: 60 });

const tasks = {
  async sums() {
    const [sum] = await group.sum([rank + 1]);
    const texts = (await group.gather(new TextEncoder().encode('x'.repeat(rank)))).map((bytes) =>
      new TextDecoder().decode(bytes),
    );
    const bytes = Uint8Array.from({ length: 100_001 }, (_, i) => (i * 7) % 256);
    const told = await group.broadcast(rank === 0 ? bytes : null);
    return { sum, texts, told: createHash('sha256').update(told).digest('hex') };
  },
  async train({ yaml, folder, resume = false, stopAt = Infinity }) {
    const { pipeline } = parsePipeline(yaml, 'test');
    const stop = new globalThis.AbortController();
    const run =
      rank === 0 ? await startRun({ name: 'ranks', pipelineYaml: yaml, folder, resume }) : null;
    try {
      const result = await train(pipeline, {
        ...{ run, group, log, baseFolder: '/', signal: stop.signal },
        onProgress({ step }) {
          process.send({ step });
          if (step >= stopAt) stop.abort();
        },
      });
      return result;
    } finally {
      await run?.close();
    }
  },
  async end() {
    group.end(true);
    return {};
  },
};

process.send({ joined: true });
process.on('message', async ({ task, ...options }) => {
  said.length = 0;
  try {
    const value = await tasks[task](options);
    process.send({ done: { ...value, said: [...said] } });
  } catch (error) {
    const code = isFrameloomError(error) ? error.code : null;
    process.send({ done: { code, message: error.message, said: [...said] } });
    if (code === 'peer-lost') group.end(false);
  }
  if (task === 'end') process.disconnect();
});
