import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inBench } from '../support/files.js';

const run = promisify(execFile);

const ip = (...words: string[]): Promise<unknown> => run('ip', words);

/** A host that is a network namespace: its own addresses, routes, ports and name, on the disk and processor of this machine. */
export interface Host {
  readonly name: string;
  readonly four: string;
  readonly six: string;
}

/** Milliseconds each way, and the rate of each direction. */
export interface Wire {
  readonly rate?: string;
  readonly delayMs?: number;
}

const BITS = 24;

/** Hosts on one switch, which is a namespace too: nothing of this machine's own network is touched. */
export class Network {
  readonly hosts: readonly Host[];
  readonly #folder: string;
  readonly #delays: ChildProcess[] = [];

  /** @param folder for its file of names */
  constructor(names: readonly string[], folder: string) {
    this.#folder = folder;
    this.hosts = names.map((name, i) => ({
      name,
      four: `10.77.0.${i + 1}`,
      six: `fd77::${i + 1}`,
    }));
  }

  host(name: string): Host {
    const found = this.hosts.find((one) => one.name === name);
    if (!found) throw new Error(`there is no host ${name}`);
    return found;
  }

  /** Namespaces have names for the whole machine, so this program's number is in them. */
  #space(name: string): string {
    return `frameloom-${process.pid}-${name}`;
  }

  get #names(): string {
    return join(this.#folder, 'hosts');
  }

  /** `NAME` is a host by IPv4, `NAME-six` by IPv6. */
  async begin(): Promise<void> {
    const lines = this.hosts.flatMap(({ name, four, six }) => [
      `${four} ${name}`,
      `${six} ${name}-six`,
    ]);
    await writeFile(this.#names, ['127.0.0.1 localhost', '::1 localhost', ...lines, ''].join('\n'));
    const hub = this.#space('switch');
    await ip('netns', 'add', hub);
    await ip('-n', hub, 'link', 'add', 'switch', 'type', 'bridge');
    await ip('-n', hub, 'link', 'set', 'switch', 'up');
    for (const { name, four, six } of this.hosts) {
      const own = this.#space(name);
      await ip('netns', 'add', own);
      await ip('-n', own, 'link', 'set', 'lo', 'up');
      await ip('-n', own, 'link', 'add', 'wire', 'type', 'veth', 'peer', name, 'netns', hub);
      await ip('-n', hub, 'link', 'set', name, 'master', 'switch', 'up');
      await ip('-n', own, 'address', 'add', `${four}/${BITS}`, 'dev', 'wire');
      await ip('-n', own, 'address', 'add', `${six}/64`, 'dev', 'wire', 'nodad');
      await ip('-n', own, 'link', 'set', 'wire', 'up');
    }
  }

  /** The words of a command line that runs on a host, which names the others; the process is the command's own. */
  on(name: string, words: readonly string[]): string[] {
    const inside = 'mount --bind "$1" /etc/hosts && hostname "$2" && shift 2 && exec "$@"';
    return [
      ...['nsenter', `--net=/run/netns/${this.#space(name)}`, 'unshare', '--mount', '--uts'],
      ...['sh', '-c', inside, '-', this.#names, name, ...words],
    ];
  }

  /** Pulls the plug of a host, or puts it in again. */
  async plug(name: string, state: 'up' | 'down'): Promise<void> {
    await ip('-n', this.#space('switch'), 'link', 'set', name, state);
  }

  /** Makes all wires slow, both ways: a rate by the kernel's token bucket, a delay by whoever passes on what comes. */
  async slow({ rate, delayMs }: Wire): Promise<void> {
    const hub = this.#space('switch');
    const bucket = ['root', 'tbf', 'rate', rate ?? '', 'burst', '256kb', 'latency', '200ms'];
    for (const { name } of this.hosts) {
      if (rate !== undefined) {
        await run('tc', ['-n', hub, 'qdisc', 'replace', 'dev', name, ...bucket]);
        await run('tc', ['-n', this.#space(name), 'qdisc', 'replace', 'dev', 'wire', ...bucket]);
      }
      if (delayMs === undefined) continue;
      // The switch sees the other end of a wire of its own, and between the two stands who delays.
      const [far, near] = [`${name}-far`, `${name}-near`];
      await ip('-n', hub, 'link', 'add', far, 'type', 'veth', 'peer', near);
      await ip('-n', hub, 'link', 'set', name, 'nomaster');
      await ip('-n', hub, 'link', 'set', far, 'master', 'switch', 'up');
      await ip('-n', hub, 'link', 'set', near, 'up');
      const delay = [inBench('hosts/delay.py'), name, near, String(delayMs)];
      const child = spawn('ip', ['netns', 'exec', hub, 'python3', ...delay], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      this.#delays.push(child);
      await new Promise((resolve, reject) => {
        child.stdout.once('data', resolve);
        child.once('exit', (code) => reject(new Error(`delay.py ended with ${code}`)));
      });
    }
  }

  /** Wires of all that there is to give again. */
  async fast(): Promise<void> {
    const hub = this.#space('switch');
    for (const child of this.#delays.splice(0)) child.kill('SIGKILL');
    for (const { name } of this.hosts) {
      await run('tc', ['-n', hub, 'qdisc', 'delete', 'dev', name, 'root']).catch(() => undefined);
      const own = this.#space(name);
      await run('tc', ['-n', own, 'qdisc', 'delete', 'dev', 'wire', 'root']).catch(() => undefined);
      await ip('-n', hub, 'link', 'delete', `${name}-far`).catch(() => undefined);
      await ip('-n', hub, 'link', 'set', name, 'master', 'switch');
    }
  }

  async end(): Promise<void> {
    for (const child of this.#delays.splice(0)) child.kill('SIGKILL');
    for (const name of [...this.hosts.map((host) => host.name), 'switch']) {
      await ip('netns', 'delete', this.#space(name)).catch(() => undefined);
    }
  }
}
