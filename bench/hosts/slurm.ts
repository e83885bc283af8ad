import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Network } from './network.js';

const run = promisify(execFile);

const PROGRAMS = ['munged', 'slurmctld', 'slurmd', 'sbatch', 'srun', 'scontrol', 'scancel'];
const PATIENCE_SECONDS = 30;

/** What of Slurm is not on the PATH. */
export async function missingOfSlurm(): Promise<string[]> {
  const found = await Promise.all(
    PROGRAMS.map((name) =>
      run('sh', ['-c', `command -v ${name}`]).then(
        () => true,
        () => false,
      ),
    ),
  );
  return PROGRAMS.filter((_, i) => !found[i]);
}

/** A Slurm of the distribution's packages: its controller on the first of the hosts, and a node on each. */
export class Slurm {
  readonly #network: Network;
  readonly #nodes: readonly string[];
  readonly #folder: string;
  readonly #children: ChildProcess[] = [];

  constructor(network: Network, nodes: readonly string[], folder: string) {
    this.#network = network;
    this.#nodes = nodes;
    this.#folder = join(folder, 'slurm');
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #start(words: readonly string[]): void {
    const [program = '', ...rest] = words;
    const env = { ...process.env, SLURM_CONF: this.#path('slurm.conf') };
    this.#children.push(spawn(program, rest, { env, stdio: 'ignore' }));
  }

  /** Runs one of its commands on the first node. @returns what it says */
  async command(words: readonly string[], folder = this.#folder): Promise<string> {
    const [program = '', ...rest] = this.#network.on(this.#nodes[0]!, words);
    const env = { ...process.env, SLURM_CONF: this.#path('slurm.conf') };
    const { stdout } = await run(program, rest, { env, cwd: folder });
    return stdout;
  }

  async begin(): Promise<void> {
    await mkdir(this.#folder);
    const [first = ''] = this.#nodes;
    const nodes = this.#nodes.map(
      (name) => `NodeName=${name} NodeAddr=${this.#network.host(name).four} CPUs=2 State=UNKNOWN`,
    );
    for (const name of this.#nodes) await mkdir(this.#path(`spool-${name}`));
    await mkdir(this.#path('state'));
    const config = [
      'ClusterName=frameloom',
      `SlurmctldHost=${first}(${this.#network.host(first).four})`,
      ...['AuthType=auth/munge', 'CredType=cred/munge'],
      `AuthInfo=socket=${this.#path('munge.socket')}`,
      ...['ProctrackType=proctrack/pgid', 'TaskPlugin=task/none', 'SelectType=select/linear'],
      ...['MpiDefault=none', 'SlurmUser=root', 'SlurmdUser=root', 'ReturnToService=2'],
      ...['JobAcctGatherType=jobacct_gather/none', 'GresTypes=gpu'],
      ...['AccountingStorageType=accounting_storage/none', 'JobCompType=jobcomp/none'],
      `StateSaveLocation=${this.#path('state')}`,
      `SlurmdSpoolDir=${this.#path('spool-%n')}`,
      `SlurmctldPidFile=${this.#path('controller.pid')}`,
      `SlurmdPidFile=${this.#path('node-%n.pid')}`,
      `SlurmctldLogFile=${this.#path('controller.log')}`,
      `SlurmdLogFile=${this.#path('node-%n.log')}`,
      ...nodes,
      `PartitionName=all Nodes=${this.#nodes.join(',')} Default=YES MaxTime=INFINITE State=UP`,
    ];
    await writeFile(this.#path('slurm.conf'), `${config.join('\n')}\n`);
    await writeFile(this.#path('munge.key'), randomBytes(128));
    await chmod(this.#path('munge.key'), 0o400);
    this.#start([
      ...['munged', '--foreground', '--force', `--key-file=${this.#path('munge.key')}`],
      ...[`--socket=${this.#path('munge.socket')}`, `--pid-file=${this.#path('munge.pid')}`],
      ...[`--log-file=${this.#path('munge.log')}`, `--seed-file=${this.#path('munge.seed')}`],
    ]);
    for (let i = 0; !existsSync(this.#path('munge.socket')) && i < 100; i += 1) await sleep(50);
    this.#start(this.#network.on(first, ['slurmctld', '-D', '-i']));
    for (const name of this.#nodes)
      this.#start(this.#network.on(name, ['slurmd', '-D', '-N', name]));
    for (let i = 0; ; i += 1) {
      const idle = await this.command(['sinfo', '--noheader', '--format=%D %T']).catch(() => '');
      if (idle.includes(`${this.#nodes.length} idle`)) return;
      if (i > PATIENCE_SECONDS) throw new Error(`Slurm's nodes did not come: ${idle}`);
      await sleep(1000);
    }
  }

  /** @returns the number of a job */
  async submit(script: string, folder: string): Promise<string> {
    const path = this.#path('job.sh');
    await writeFile(path, script);
    const said = await this.command(['sbatch', '--parsable', '--output=job.out', path], folder);
    return said.trim();
  }

  async stateOf(job: string): Promise<string> {
    const said = await this.command(['scontrol', 'show', 'job', job]);
    return /JobState=(\S+)/.exec(said)?.[1] ?? '';
  }

  /** Waits until a job is over. @returns its last state */
  async over(job: string): Promise<string> {
    for (;;) {
      const state = await this.stateOf(job);
      if (!['PENDING', 'RUNNING', 'COMPLETING', 'CONFIGURING'].includes(state)) return state;
      await sleep(300);
    }
  }

  async end(): Promise<void> {
    await this.command(['scontrol', 'shutdown']).catch(() => undefined);
    await sleep(500);
    for (const child of this.#children) child.kill('SIGKILL');
  }
}
