/**
 * Packs Frameloom as `npm publish` would and installs it in empty projects, in folders with a space in
 * their names: npm, pnpm and yarn with their defaults; Node 20, 22 and 24; with ffmpeg on PATH and
 * without. Measures seconds and megabytes, and generates a video from an exported generator in each.
 *
 *   npm run bench -- --only install-matrix            (--quick: npm and this Node alone)
 *   npx tsx bench/install-matrix.ts --managers npm,yarn@1 --nodes 22 [--setup] [--tarball FILE]
 *
 * --setup also provisions native TensorFlow in the first project and trains there. Writes
 * bench/results/install-matrix.json; ends in 1 where something did not work or was too large.
 */
import './support/help.js';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { fetchPublished } from '../scripts/setup/npm-package.mjs';
import {
  bytesOf,
  cleanEnvironment,
  must,
  programsWithout,
  run,
  type Ran,
} from './install/machine.js';
import { inBench, say, writeResult } from './support/files.js';

const MOST_SECONDS = 30;
const MOST_MB = 250;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    setup: { type: 'boolean', default: false },
    managers: { type: 'string', default: 'npm,pnpm@9,pnpm@10,yarn@1,yarn@4' },
    nodes: { type: 'string', default: '20,22,24' },
    tarball: { type: 'string' },
  },
});

interface Case {
  readonly manager: string;
  /** undefined: the Node that runs this. */
  readonly node: string | undefined;
  readonly ffmpeg: boolean;
}

interface Measured extends Case {
  readonly installSeconds: number;
  readonly megabytes: number;
  /** Unpacking ONNX Runtime, which comes before the first frame, among them. */
  readonly firstVideoSeconds: number;
  readonly videoSeconds: number;
}

/** Every manager on this Node, and npm on every Node, with ffmpeg; npm without ffmpeg. */
function cases(): Case[] {
  const [first = 'npm', ...managers] = values.quick ? ['npm'] : values.managers.split(',');
  const nodes = values.quick ? [] : values.nodes.split(',');
  return [
    { manager: first, node: undefined, ffmpeg: true },
    ...(values.quick ? [] : [{ manager: first, node: undefined, ffmpeg: false }]),
    ...nodes.map((node) => ({ manager: first, node, ffmpeg: true })),
    ...managers.map((manager) => ({ manager, node: undefined, ffmpeg: true })),
  ];
}

/** How a manager and what it installed are called; others than npm are fetched from npm by npx. */
function managerOf(manager: string) {
  const [name = '', version = ''] = manager.split('@');
  // From version 2 on, yarn is published under another name, and installs without node_modules.
  const isPlain = name === 'yarn' && Number(version) > 1;
  const spec = isPlain ? `@yarnpkg/cli-dist@${version}` : manager;
  const [program, ...before] = name === 'npm' ? ['npm'] : ['npx', '--yes', spec];
  return {
    program: program,
    before,
    install: (tarball: string): string[] =>
      name === 'npm'
        ? ['install', tarball]
        : ['add', `${isPlain ? 'frameloom@' : ''}file:${tarball}`],
    /** The program and the first words of a call of Frameloom. */
    frameloom: isPlain ? [program, ...before, 'frameloom'] : ['frameloom'],
    folder: isPlain ? '.yarn' : 'node_modules',
  };
}

const work = await mkdtemp(join(tmpdir(), 'frameloom-install-'));
const root = inBench('..');
const own = { cwd: root, env: process.env };

/** The tarball, whose name npm says last. */
async function pack(): Promise<string> {
  if (values.tarball !== undefined) return resolve(values.tarball);
  const { seconds } = await must('npm', ['pack', '--silent', '--pack-destination', work], own);
  const [name] = (await readdir(work)).filter((entry) => entry.endsWith('.tgz'));
  if (name === undefined) throw new Error('npm pack left no file');
  const bytes = await bytesOf(work);
  say(`packed ${name}: ${(bytes / 1e6).toFixed(1)} MB in ${seconds.toFixed(0)} s`);
  return join(work, name);
}

/** A generator that was trained for two steps and exported, and a video to give it. */
async function subject(): Promise<{ model: string; video: string }> {
  const folder = join(work, 'run');
  const tiny = ['generator.preset=tiny', 'training.steps=2', 'training.evaluateEverySteps=1000'];
  await must(
    process.execPath,
    [
      ...['--import', 'tsx', 'src/cli/main.ts', 'train', 'edges-to-video', '--run', folder],
      ...[...tiny, 'data.size=64x36'].flatMap((setting) => ['--set', setting]),
    ],
    own,
  );
  // Six seconds: what is measured is how soon a video is there, not the machine.
  const video = join(work, 'in.mp4');
  const street = join(root, 'samples', 'street.mp4');
  await must('ffmpeg', ['-v', 'error', '-i', street, '-frames:v', '150', video], own);
  return { model: join(folder, 'exports', 'generator.onnx'), video };
}

/** A folder with that Node and nothing else, from npm's own packages of it. */
async function nodeFolder(major: string | undefined): Promise<string> {
  const folder = join(work, `node-${major ?? 'own'}`);
  const bin = join(folder, 'bin');
  if (major === undefined) {
    await mkdir(bin, { recursive: true });
    await symlink(process.execPath, join(bin, 'node')).catch(() => undefined); // there already
    return bin;
  }
  if (!existsSync(bin)) {
    const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
    await fetchPublished(`${name}@${major}`, folder);
  }
  return bin;
}

const frames = async (path: string): Promise<number> => {
  const count = ['-count_frames', '-show_entries', 'stream=nb_read_frames', '-of', 'csv=p=0'];
  const { output } = await must(
    'ffprobe',
    ['-v', 'error', '-select_streams', 'v', ...count, path],
    own,
  );
  return Number(output.trim());
};

function expectIn(ran: Ran, words: string): void {
  if (ran.output.includes(words)) return;
  throw new Error(`"${words}" was not said:\n${ran.output.trim()}`);
}

async function measure(
  one: Case,
  number: number,
  parts: { tarball: string; model: string; video: string; without: string },
): Promise<Measured> {
  const project = join(work, 'my projects', `number ${number}`);
  await mkdir(project, { recursive: true });
  await writeFile(join(project, 'package.json'), '{ "name": "project", "private": true }\n');
  // Or yarn would take the project for part of whatever lies above it.
  if (one.manager.startsWith('yarn')) await writeFile(join(project, 'yarn.lock'), '');
  await copyFile(parts.model, join(project, 'generator.onnx'));
  await copyFile(parts.video, join(project, 'in.mp4'));
  const node = await nodeFolder(one.node);
  const cache = join(project, 'the cache');
  const path = [join(project, 'node_modules', '.bin'), node];
  const rest = one.ffmpeg ? (process.env.PATH ?? '') : parts.without;
  const env = cleanEnvironment([...path, rest], { FRAMELOOM_CACHE: cache });
  const here = { cwd: project, env };
  const { program, before, install, folder, frameloom } = managerOf(one.manager);
  const [command = '', ...first] = frameloom;
  const call = (...args: string[]): Promise<Ran> => run(command, [...first, ...args], here);
  // Fetches the manager itself.
  await must(program, [...before, '--version'], here);
  const installed = await must(program, [...before, ...install(parts.tarball)], here);
  const megabytes = (await bytesOf(join(project, folder))) / 1e6;

  const generate = (output: string): Promise<Ran> =>
    call('generate', 'generator.onnx', '-i', 'in.mp4', '-o', output);
  if (!one.ffmpeg) {
    const refused = await generate('out.mp4');
    if (refused.code === 0) throw new Error('a video was generated without any ffmpeg');
    expectIn(refused, 'setup --ffmpeg');
    await must(command, [...first, 'setup', '--ffmpeg'], here);
  }
  const times: number[] = [];
  for (const output of ['first.mp4', 'second.mp4']) {
    const ran = await generate(output);
    if (ran.code !== 0) throw new Error(`generate ended with ${ran.code}:\n${ran.output.trim()}`);
    const [made, given] = [await frames(join(project, output)), await frames(parts.video)];
    if (made !== given) throw new Error(`${output} has ${made} frames of ${given}`);
    times.push(ran.seconds);
  }
  // Training is not begun where there is to be no native TensorFlow, and says what brings it; elsewhere it sets it up.
  const trained = await run(command, [...first, 'train', 'edges-to-video', '--clip', 'in.mp4'], {
    ...{ cwd: project, env: { ...env, FRAMELOOM_TENSORFLOW: 'none' } },
  });
  if (trained.code === 0) throw new Error('it trained without native TensorFlow');
  expectIn(trained, 'setup');
  if (values.setup && number === 1) await trainThere(project, env);
  return {
    ...one,
    installSeconds: installed.seconds,
    megabytes,
    firstVideoSeconds: times[0]!,
    videoSeconds: times[1]!,
  };
}

/** Native TensorFlow in an installed package, and a run with it. */
async function trainThere(project: string, env: NodeJS.ProcessEnv): Promise<void> {
  const here = { cwd: project, env };
  const { seconds } = await must('frameloom', ['setup'], here);
  const steps = ['training.steps=2', 'training.evaluateEverySteps=1000', 'generator.preset=tiny'];
  const settings = [...steps, 'data.size=64x36'].flatMap((setting) => ['--set', setting]);
  await must('frameloom', ['init', 'mine', '--clip', 'in.mp4'], here);
  await must('frameloom', ['train', 'mine.yaml', '--run', 'a run', ...settings], here);
  say(`  native TensorFlow in ${seconds.toFixed(0)} s, two steps and an export`);
}

const measured: Measured[] = [];
let failed = 0;
try {
  const tarball = await pack();
  const { model, video } = await subject();
  const without = await programsWithout(join(work, 'programs'), /^(ffmpeg|ffprobe|node)$/);
  for (const [i, one] of cases().entries()) {
    const name = `${one.manager}, Node ${one.node ?? process.versions.node}, ${one.ffmpeg ? '' : 'no '}ffmpeg`;
    try {
      const result = await measure(one, i + 1, { tarball, model, video, without });
      measured.push(result);
      const { installSeconds, megabytes, firstVideoSeconds, videoSeconds } = result;
      say(
        `${name}: ${installSeconds.toFixed(1)} s, ${megabytes.toFixed(0)} MB; a video in ${firstVideoSeconds.toFixed(1)} s, then ${videoSeconds.toFixed(1)} s`,
      );
      // Seconds are those of the registry and of who else uses this machine: said, and no failure.
      if (installSeconds > MOST_SECONDS) say(`  longer than ${MOST_SECONDS} s`);
      if (megabytes > MOST_MB) {
        failed += 1;
        say(`  failed: more than ${MOST_MB} MB`);
      }
    } catch (error) {
      failed += 1;
      say(`${name}: failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  await writeResult('install-matrix.json', `${JSON.stringify(measured, null, 2)}\n`);
} finally {
  await rm(work, { recursive: true, force: true });
}
say(`${measured.length} of ${cases().length} installed and used`);
process.exitCode = failed > 0 ? 1 : 0;
