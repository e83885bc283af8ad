import { create, toBinary } from '@bufbuild/protobuf';
import type { Cluster } from './cluster.js';
import { ServerDefSchema } from './cluster_pb.js';

/** TensorFlow's name of a rank. */
const taskName = (rank: number): string => `/job:worker/replica:0/task:${rank}`;

/** TensorFlow's ServerDef of a process: the first of them leads, which is to number the others' meetings. */
export const serverDef = ({ addresses, rank }: Cluster): Uint8Array =>
  toBinary(
    ServerDefSchema,
    create(ServerDefSchema, {
      cluster: { job: [{ name: 'worker', tasks: Object.fromEntries(addresses.entries()) }] },
      jobName: 'worker',
      taskIndex: rank,
      defaultSessionConfig: { experimental: { collectiveGroupLeader: taskName(0) } },
      protocol: 'grpc',
    }),
  );
