// Python: only to download and unpack a wheel, and because node-gyp is written in it.
import { run } from './run.mjs';
import { SetupError } from './say.mjs';

const INSTALL_PIP = 'install pip (Debian and Ubuntu: apt-get install python3-pip)';

/**
 * The first Python 3 that runs: PYTHON, then the usual names.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<string>}
 * @throws {SetupError} when there is none
 */
export async function findPython(env = process.env) {
  const asked = env['PYTHON'] ?? env['npm_config_python'];
  const names = asked ? [asked] : ['python3', 'python', 'py'];
  for (const name of names) {
    const { code, output } = await run(name, ['-c', 'import sys; print(sys.version_info[0])']);
    if (code === 0 && output.trim() === '3') return name;
  }
  throw new SetupError(
    asked ? `PYTHON names ${asked}, which does not run as Python 3` : 'no Python 3 was found',
    'install it (Debian and Ubuntu: apt-get install python3 python3-pip; macOS: xcode-select --install)',
  );
}

/**
 * The version of pip as numbers.
 *
 * @param {string} python
 * @returns {Promise<[number, number]>}
 * @throws {SetupError} when that Python has no pip
 */
export async function pipVersion(python) {
  const { code, output } = await run(python, ['-m', 'pip', '--version']);
  const match = /pip (\d+)\.(\d+)/.exec(output);
  if (code !== 0 || match === null) throw new SetupError(`${python} has no pip`, INSTALL_PIP);
  return [Number(match[1]), Number(match[2])];
}
