// Builds the peers' Python environment at bench/.venv; a second call skips what is there.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));
const venv = fileURLToPath(new URL('../.venv', import.meta.url));
const python = join(
  venv,
  ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']),
);
const stamp = join(venv, 'requirements.sha256');

function fail(line) {
  console.error(`error: ${line}`);
  process.exit(1);
}

function findPython() {
  const names = process.env.PYTHON ? [process.env.PYTHON] : ['python3', 'python'];
  const recent = 'import sys; sys.exit(0 if sys.version_info >= (3, 10) else 1)';
  const found = names.find((name) => spawnSync(name, ['-c', recent]).status === 0);
  return found ?? fail('no Python 3.10 or later: install one, or name it in PYTHON');
}

function run(command, args, what) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2] });
  if (status !== 0)
    fail(`${what} failed${error ? `: ${error.message}` : ' (its output is above)'}`);
}

const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  console.error('Building bench/.venv with PyTorch (1.4 GiB on disk, a few minutes) …');
  if (!existsSync(python)) run(findPython(), ['-m', 'venv', venv], 'making the environment');
  const install = ['-m', 'pip', 'install', '--disable-pip-version-check', '--progress-bar=on'];
  run(python, [...install, '-r', requirements], 'pip install');
  writeFileSync(stamp, wanted);
}
console.log(python);
