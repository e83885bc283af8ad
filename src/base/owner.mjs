// @ts-check
// Plain JavaScript: set-up runs it on bare Node, before anything is compiled.
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

/**
 * A process that owns a file, as the file names it. What a platform cannot tell is null, and says
 * nothing for or against.
 *
 * @typedef {object} Owner
 * @property {number} pid
 * @property {string} host the machine's name
 * @property {string | null} machine the installation's id: names may be shared by many
 * @property {string | null} boot the kernel's id, new at every boot
 * @property {string | null} pidNamespace where `pid` is a process's number: a container has its own
 * @property {string | null} born when the process began, which a later one of its number differs in
 */

/** The pid namespace that a Linux machine boots in has this number everywhere. */
const OUTERMOST = 'pid:[4026531836]';

/** @param {Promise<string>} reading */
const known = (reading) => reading.then((text) => text.trim() || null).catch(() => null);

/**
 * State and start of a process, fields 3 and 22 of its stat file.
 *
 * @param {number} pid
 * @returns {Promise<{ state: string | undefined, born: string | undefined } | undefined>} undefined
 *   where it cannot be seen: gone, hidden from this user, or no Linux
 */
async function look(pid) {
  const text = await known(readFile(`/proc/${pid}/stat`, 'utf8'));
  if (text === null) return undefined;
  // The second field is the program's name in brackets and may hold spaces.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0], born: fields[19] };
}

/** @type {Promise<Owner> | undefined} */
let self;

/**
 * This process.
 *
 * @returns {Promise<Owner>}
 */
export function thisOwner() {
  self ??= (async () => ({
    pid: process.pid,
    host: hostname(),
    machine: await known(readFile('/etc/machine-id', 'utf8')),
    boot: await known(readFile('/proc/sys/kernel/random/boot_id', 'utf8')),
    pidNamespace: await known(readlink('/proc/self/ns/pid')),
    born: (await look(process.pid))?.born ?? null,
  }))();
  return self;
}

/**
 * An owner in what a file says.
 *
 * @param {unknown} value
 * @returns {Owner | undefined}
 */
export function ownerIn(value) {
  if (typeof value !== 'object' || value === null) return undefined;
  const { pid, host, ...rest } = /** @type {Record<string, unknown>} */ (value);
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid < 1 || pid >= 2 ** 31) {
    return undefined;
  }
  if (typeof host !== 'string') return undefined;
  /** @param {string} key */
  const text = (key) => (typeof rest[key] === 'string' ? rest[key] : null);
  return {
    ...{ pid, host, machine: text('machine'), boot: text('boot') },
    ...{ pidNamespace: text('pidNamespace'), born: text('born') },
  };
}

/**
 * @param {string | null} a
 * @param {string | null} b
 */
const differ = (a, b) => a !== null && b !== null && a !== b;

/**
 * Does the process still run? Undefined where it cannot be seen from here: on another machine, or in
 * another container, whose processes have numbers of their own.
 *
 * @param {Owner} owner
 * @returns {Promise<boolean | undefined>}
 */
export async function isAlive(owner) {
  const here = await thisOwner();
  if (owner.host !== here.host || differ(owner.machine, here.machine)) return undefined;
  if (differ(owner.boot, here.boot)) {
    // The machine was started anew. Of a container's name that cannot be said: it may be another
    // machine's container of the same name.
    const surely = owner.pidNamespace === OUTERMOST && here.pidNamespace === OUTERMOST;
    return surely ? false : undefined;
  }
  if (differ(owner.pidNamespace, here.pidNamespace)) return undefined;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: it is there and belongs to somebody else.
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ESRCH') return false;
  }
  const found = await look(owner.pid);
  // Hidden from this user perhaps: that it is there is all that is known.
  if (found === undefined) return true;
  // Dead, and only not yet taken note of by its parent.
  if (found.state === 'Z' || found.state === 'X') return false;
  return owner.born === null || owner.born === found.born;
}
