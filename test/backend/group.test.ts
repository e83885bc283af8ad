import { fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { ServerDefSchema } from '../../src/backend/group/cluster_pb.js';
import {
  joinGroup,
  parseClusterFlags,
  parseTfConfig,
  tfConfigOf,
} from '../../src/backend/group/index.js';
import { parcels } from '../../src/backend/group/parcels.js';
import { serverDef } from '../../src/backend/group/server-def.js';

const config = (cluster: object, task: object): string => JSON.stringify({ cluster, task });
const worker = ['a:1', 'b:2'];

describe('TF_CONFIG', () => {
  it.each<[string, object, object, readonly string[], number]>([
    ['of workers', { worker }, { type: 'worker', index: 1 }, worker, 1],
    [
      'of a chief and workers',
      { worker, chief: ['c:3'] },
      { type: 'worker', index: 0 },
      ['c:3', ...worker],
      1,
    ],
    [
      'of the chief',
      { chief: ['c:3'], worker },
      { type: 'chief', index: 0 },
      ['c:3', ...worker],
      0,
    ],
    ['with an index in words', { worker }, { type: 'worker', index: '1' }, worker, 1],
    [
      'with jobs of nobody',
      { worker, ps: [], evaluator: [] },
      { type: 'worker', index: 0 },
      worker,
      0,
    ],
    [
      'of IPv6',
      { worker: ['[::1]:70', 'b.c-d:2'] },
      { type: 'worker', index: 0 },
      ['[::1]:70', 'b.c-d:2'],
      0,
    ],
  ])('%s', (_, cluster, task, addresses, rank) => {
    const parsed = parseTfConfig(config(cluster, task));
    expect(parsed).toEqual({ addresses, rank });
    expect(parseTfConfig(tfConfigOf(parsed))).toEqual(parsed);
  });

  const zero = { type: 'worker', index: 0 };
  it.each<[string, string, string]>([
    ['that is no JSON', '{', 'TF_CONFIG is no JSON'],
    ['without a cluster', '{"task": {"type": "worker", "index": 0}}', 'not understood at cluster'],
    ['without a task', config({ worker }, {}).replace(',"task":{}', ''), 'not understood at task'],
    ['that is a list', '[]', 'TF_CONFIG is not understood at its top'],
    ['with a parameter server', config({ worker, ps: ['p:1'] }, zero), 'nothing for a "ps" to do'],
    ['of an evaluator', config({ worker, evaluator: ['e:1'] }, zero), 'for a "evaluator" to do'],
    [
      'of a task that is not there',
      config({ worker }, { type: 'chief', index: 0 }),
      'has no "chief"',
    ],
    [
      'of a rank that is not there',
      config({ worker }, { type: 'worker', index: 2 }),
      'has no worker 2',
    ],
    ['of half a rank', config({ worker }, { type: 'worker', index: 0.5 }), 'has no worker 0.5'],
    ['without a port', config({ worker: ['a', 'b:1'] }, zero), '"a" is no host:port'],
    ['of too high a port', config({ worker: ['a:65536', 'b:1'] }, zero), '"a:65536" is no'],
    ['with an address twice', config({ worker: ['a:1', 'a:1'] }, zero), 'a:1 is there twice'],
  ])('%s is refused in one line', (_, text, why) => {
    let error: unknown;
    try {
      parseTfConfig(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'bad-option', path: 'TF_CONFIG' });
    expect((error as Error).message).toContain(why);
    expect((error as Error).message).not.toContain('\n');
  });
});

it('a cluster of flags has a rank in it', () => {
  expect(parseClusterFlags('a:1, b:2', 1)).toEqual({ addresses: worker, rank: 1 });
  expect(() => parseClusterFlags('a:1,b:2', undefined)).toThrow('which of the cluster');
  expect(() => parseClusterFlags('a:1,b:2', 2)).toThrow('there is no rank 2 among 2 processes');
  expect(() => parseClusterFlags('a:1,,b:2', 0)).toThrow('"" is no host:port');
});

it("TensorFlow's definition of a server is of its very bytes", () => {
  const bytes = serverDef({ addresses: worker, rank: 1 });
  // Of TensorFlow's own protocol: cluster, job_name, task_index, default_session_config, protocol.
  const job =
    '\n\u0006worker\u0012\u0007\b\u0000\u0012\u0003a:1\u0012\u0007\b\u0001\u0012\u0003b:2';
  const leader = '/job:worker/replica:0/task:0';
  const text = `\n\u001c\n\u001a${job}\u0012\u0006worker\u0018\u0001"!\u0082\u0001\u001e\n\u001c${leader}*\u0004grpc`;
  expect(Buffer.from(bytes).toString('latin1')).toBe(text);
  expect(fromBinary(ServerDefSchema, bytes)).toMatchObject({ jobName: 'worker', taskIndex: 1 });
});

it('bytes of any length are told by sums', async () => {
  const texts = ['', 'a', 'odd', 'even'];
  const size = texts.length;
  // All of them meet: a sum is known when each has said its own.
  let said: Float32Array[] = [];
  let known: ((sum: Float32Array) => void)[] = [];
  const sum = (values: readonly number[] | Float32Array): Promise<Float32Array> =>
    new Promise((resolve) => {
      said.push(Float32Array.from(values));
      known.push(resolve);
      if (said.length < size) return;
      const total = said[0]!.map((_, i) => said.reduce((all, one) => all + one[i]!, 0));
      const waiting = known;
      [said, known] = [[], []];
      for (const tell of waiting) tell(total);
    });
  const all = texts.map((text, rank) => ({ text, ...parcels(rank, size, sum) }));
  const gathered = await Promise.all(
    all.map((one) => one.gather(new TextEncoder().encode(one.text))),
  );
  for (const each of gathered) {
    expect(each.map((bytes) => new TextDecoder().decode(bytes))).toEqual(texts);
  }
  const own = Uint8Array.from({ length: 257 }, (_, i) => i % 256);
  const told = await Promise.all(all.map((one, rank) => one.broadcast(rank === 0 ? own : null)));
  for (const bytes of told) expect(bytes).toEqual(own);
});

it('a cluster of one joins nothing, and one that cannot be is refused before anything is loaded', async () => {
  expect(await joinGroup({ addresses: ['a:1'], rank: 0 })).toBeNull();
  await expect(joinGroup({ addresses: ['a:1', 'b'], rank: 0 })).rejects.toMatchObject({
    code: 'bad-option',
  });
});

it('hosts that are not known are waited for, and then said', async () => {
  const cluster = { addresses: ['127.0.0.1:9', 'nowhere.invalid:9'], rank: 0 };
  await expect(joinGroup(cluster, { waitSeconds: 0 })).rejects.toMatchObject({
    code: process.platform === 'linux' ? 'peer-lost' : 'untrusted',
  });
});

it.runIf(process.platform === 'linux')('waiting for others ends by a Ctrl-C', async () => {
  const cluster = { addresses: ['127.0.0.1:9', 'nowhere.invalid:9'], rank: 0 };
  const stopped = { waitSeconds: 60, signal: AbortSignal.abort() };
  await expect(joinGroup(cluster, stopped)).rejects.toMatchObject({ code: 'cancelled' });
});
