// Packages of npm that only set-up needs: fetched into the cache when they are needed, by npm, which
// knows the user's registry, proxy and certificates; held to the sha512 that stands here. No script of
// theirs is run and nothing that they depend on comes along.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../src/base/make-folder.mjs';
import { lastLine, run } from './run.mjs';
import { SetupError, say } from './say.mjs';

/** @typedef {{ version: string, sha512: string }} Pin */

/** By name; sha512 in base64, as package-lock.json writes it. */
export const PINNED = /** @type {Readonly<Record<string, Pin | undefined>>} */ ({
  '@tensorflow/tfjs-node': {
    version: '4.22.0',
    sha512:
      'uHrXeUlfgkMxTZqHkESSV7zSdKdV0LlsBeblqkuKU9nnfxB1pC6DtoyYVaLxznzZy7WQSegjcohxxCjAf6Dc7w==',
  },
  '@tensorflow/tfjs-backend-webgpu': {
    version: '4.22.0',
    sha512:
      'lvIc7Af4Tl2BCdYp43iQmSCRq3asaKT0q2xaErphXiUZ+jqeB0bQa0ZvQys1Xatvto0U4/c90DVsHPfvkn5ftg==',
  },
  'google-protobuf': {
    version: '3.21.4',
    sha512:
      'MnG7N936zcKTco4Jd2PX2U96Kf9PxygAPKBug+74LHzmHXmceN16MmRcdgZv+DGef/S9YvQAfRsNCn4cjf9yyQ==',
  },
  'node-api-headers': {
    version: '1.9.0',
    sha512:
      '2oNILP4jXwRB4ywnYKjVk1YyJ96n2D4EOVJO6S3oYZ5PtbJrw3Yt9TpAuX3nBLMuzn74rnfGQrv13pS9vC+YiA==',
  },
  'onnxruntime-node': {
    version: '1.30.0',
    sha512:
      'twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw==',
  },
  webgpu: {
    version: '0.6.2',
    sha512:
      '3L4GfmqJLvYUIEWJngEQY+2HQiUlAFkg8+P8NDDj3Xx5hHHIFO/r8JW+ynfqBj7kHN4mbnwO74uB+lrRtLhp4Q==',
  },
  '@ffmpeg-installer/darwin-arm64': {
    version: '4.1.5',
    sha512:
      'hYqTiP63mXz7wSQfuqfFwfLOfwwFChUedeCVKkBtl/cliaTM7/ePI9bVzfZ2c+dWu3TqCwLDRWNSJ5pqZl8otA==',
  },
  '@ffmpeg-installer/darwin-x64': {
    version: '4.1.0',
    sha512:
      'Z4EyG3cIFjdhlY8wI9aLUXuH8nVt7E9SlMVZtWvSPnm2sm37/yC2CwjUzyCQbJbySnef1tQwGG2Sx+uWhd9IAw==',
  },
  '@ffmpeg-installer/linux-arm64': {
    version: '4.1.4',
    sha512:
      'dljEqAOD0oIM6O6DxBW9US/FkvqvQwgJ2lGHOwHDDwu/pX8+V0YsDL1xqHbj1DMX/+nP9rxw7G7gcUvGspSoKg==',
  },
  '@ffmpeg-installer/linux-x64': {
    version: '4.1.0',
    sha512:
      'Y5BWhGLU/WpQjOArNIgXD3z5mxxdV8c41C+U15nsE5yF8tVcdCGet5zPs5Zy3Ta6bU7haGpIzryutqCGQA/W8A==',
  },
  '@ffmpeg-installer/win32-x64': {
    version: '4.1.0',
    sha512:
      'Drt5u2vzDnIONf4ZEkKtFlbvwj6rI3kxw1Ck9fpudmtgaZIHD4ucsWB2lCZBXRxJgXR+2IMSti+4rtM4C4rXgg==',
  },
  '@ffprobe-installer/darwin-arm64': {
    version: '5.0.1',
    sha512:
      'vwNCNjokH8hfkbl6m95zICHwkSzhEvDC3GVBcUp5HX8+4wsX10SP3B+bGur7XUzTIZ4cQpgJmEIAx6TUwRepMg==',
  },
  '@ffprobe-installer/darwin-x64': {
    version: '5.1.0',
    sha512:
      'J+YGscZMpQclFg31O4cfVRGmDpkVsQ2fZujoUdMAAYcP0NtqpC49Hs3SWJpBdsGB4VeqOt5TTm1vSZQzs1NkhA==',
  },
  '@ffprobe-installer/linux-arm64': {
    version: '5.2.0',
    sha512:
      'X1VvWtlLs6ScP73biVLuHD5ohKJKsMTa0vafCESOen4mOoNeLAYbxOVxDWAdFz9cpZgRiloFj5QD6nDj8E28yQ==',
  },
  '@ffprobe-installer/linux-x64': {
    version: '5.2.0',
    sha512:
      'D3UeqTLYPNs7pBWPLUYGehPdRVqU8eACox4OZy3pZUZatxye2YKlvBwEfaLdL1v2Z4FOAlLUhms0kY8m8kqSRA==',
  },
  '@ffprobe-installer/win32-x64': {
    version: '5.1.0',
    sha512:
      'jMGYeAgkrdn4e2vvYt/qakgHRE3CPju4bn5TmdPfoAm1BlX1mY9cyMd8gf5vSzI8gH8Zq5WQAyAkmekX/8TSTg==',
  },
});

/**
 * How npm is called: itself, when it runs us, and otherwise whatever PATH has.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {{ program: string, before: string[], shell: boolean }}
 */
export function npmCommand(env = process.env) {
  const own = env['npm_execpath'];
  // Under yarn and pnpm that variable names those.
  if (own !== undefined && /npm-cli\.js$/.test(own)) {
    return { program: process.execPath, before: [own], shell: false };
  }
  return { program: 'npm', before: [], shell: process.platform === 'win32' };
}

/**
 * Fetches a pinned package and unpacks it.
 *
 * @param {string} name one of {@link PINNED}
 * @param {string} folder where what is in the package goes; made anew
 * @throws {SetupError} where it cannot be had, or is not what it was
 */
export async function fetchPackage(name, folder) {
  const pin = PINNED[name];
  if (pin === undefined) throw new SetupError(`${name} is not published for this platform`);
  const spec = `${name}@${pin.version}`;
  say(`fetching ${spec} from npm`);
  await fetchPublished(spec, folder, (content) => assertSame(spec, pin.sha512, content));
}

/**
 * Fetches a package as the registry has it and unpacks it.
 *
 * @param {string} spec name@version
 * @param {string} folder
 * @param {(tarball: Buffer) => void} [check] throws where it is not what it should be
 * @throws {SetupError}
 */
export async function fetchPublished(spec, folder, check) {
  await rm(folder, { recursive: true, force: true });
  const work = `${folder}.fetch`;
  await rm(work, { recursive: true, force: true });
  await makeFolder(work);
  try {
    const { program, before, shell } = npmCommand();
    const { code, output } = await run(
      program,
      [
        ...before,
        ...['pack', spec, '--pack-destination', shell ? `"${work}"` : work],
        ...['--ignore-scripts', '--prefer-offline', '--loglevel=error'],
      ],
      { shell },
    );
    if (code !== 0) {
      throw new SetupError(
        `${spec} could not be fetched: ${lastLine(output, /npm (ERR!|error) (?!A complete log|Log files|code )/)}`,
        code === null
          ? 'npm comes with Node: put it on PATH'
          : 'check the network and the registry of npm (npm config get registry)',
      );
    }
    const [tarball] = (await readdir(work)).filter((entry) => entry.endsWith('.tgz'));
    if (tarball === undefined) throw new SetupError(`npm pack ${spec} left no file`);
    const path = join(work, tarball);
    check?.(await readFile(path));
    const unpacked = await run('tar', ['-xzf', path, '-C', work]);
    if (unpacked.code !== 0) {
      throw new SetupError(
        `${tarball} cannot be unpacked: ${lastLine(unpacked.output)}`,
        'tar has to be on PATH',
      );
    }
    // By convention everything is in one folder, which is mostly called package.
    const [inside] = (await readdir(work, { withFileTypes: true })).filter((e) => e.isDirectory());
    if (inside === undefined || !existsSync(join(work, inside.name, 'package.json'))) {
      throw new SetupError(`${tarball} holds no package`);
    }
    await rename(join(work, inside.name), folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * @param {string} spec
 * @param {string} sha512
 * @param {Buffer} content
 * @throws {SetupError} when the content has another hash
 */
export function assertSame(spec, sha512, content) {
  const found = createHash('sha512').update(content).digest('base64');
  if (found === sha512) return;
  throw new SetupError(
    `what came as ${spec} has sha512 ${found} and not the published ${sha512}`,
    'the registry serves another file under that name: do not use it before you know why',
  );
}
