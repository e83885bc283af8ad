export { parseClusterFlags, parseTfConfig, tfConfigOf, type Cluster } from './cluster.js';
export type { Group } from './group.js';
export { joinGroup, type JoinOptions } from './join.js';
