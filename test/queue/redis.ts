import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from '../../scripts/setup/paths.mjs';

/** The Redis of this machine, or of FRAMELOOM_REDIS; undefined where there is none. */
export const redisPath: string | undefined =
  process.env.FRAMELOOM_REDIS ?? findProgram('redis-server');

/** A port of the loopback address that nobody listens at. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A Redis of nobody's, on the loopback address, which writes each change to its file before it answers. */
export class OwnRedis {
  readonly port: number;
  readonly #folder: string;
  readonly #words: readonly string[];
  readonly #byTls: boolean;
  #child: ChildProcess | undefined;

  private constructor(port: number, folder: string, words: readonly string[], byTls = false) {
    this.#byTls = byTls;
    this.port = port;
    this.#folder = folder;
    this.#words = words;
  }

  /** @param words further ones of its command line, such as `--requirepass secret` */
  static async start(...words: string[]): Promise<OwnRedis> {
    const folder = await mkdtemp(join(tmpdir(), 'frameloom-redis-'));
    const redis = new OwnRedis(await freePort(), folder, words);
    await redis.begin();
    return redis;
  }

  /** Speaks TLS alone, by a certificate of its own that nobody has signed. @returns it, and where that lies */
  static async startByTls(): Promise<{ readonly redis: OwnRedis; readonly certificate: string }> {
    const folder = await mkdtemp(join(tmpdir(), 'frameloom-redis-'));
    const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
    await promisify(execFile)('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'],
      ...['-keyout', key, '-out', certificate],
    ]);
    const files = ['--tls-cert-file', certificate, '--tls-key-file', key];
    const words = [...files, '--tls-ca-cert-file', certificate, '--tls-auth-clients', 'no'];
    const redis = new OwnRedis(await freePort(), folder, words, true);
    await redis.begin();
    return { redis, certificate };
  }

  get address(): string {
    return `${this.#byTls ? 'rediss' : 'redis'}://127.0.0.1:${this.port}`;
  }

  async begin(): Promise<void> {
    if (redisPath === undefined) throw new Error('there is no redis-server: set FRAMELOOM_REDIS');
    const file = ['--dir', this.#folder, '--appendonly', 'yes', '--appendfsync', 'always'];
    const ports = this.#byTls ? ['0', '--tls-port', String(this.port)] : [String(this.port)];
    const place = ['--port', ...ports, '--bind', '127.0.0.1', '--save', ''];
    const child = spawn(redisPath, [...place, ...file, ...this.#words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    let said = '';
    await new Promise<void>((resolve, reject) => {
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('Ready to accept connections')) resolve();
      });
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}: ${said}`)));
    });
  }

  /** As a power cut ends it. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async remove(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
