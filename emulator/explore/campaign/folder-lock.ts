import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { UserError } from '../../errors.ts';
import { errorCode, orRefuse, readIfThere } from './checked-file.ts';

/** Fields 3 and 22 of proc_pid_stat(5): counted from 1 there, and two more come before. */
const [STAT_STATE, STAT_START] = [0, 19];

/**
 * Makes this process the one that writes to a campaign's folder; the lock of a process that is gone
 * does not count. Returns what releases it.
 * @throws UserError `campaign-in-use`
 */
export function lockFolder(folder: string, path: string): () => void {
  const own = `${process.pid} ${startOf(process.pid)}`;
  orRefuse(path, () => {
    try {
      writeFileSync(path, own, { flag: 'wx' });
      return;
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
    const [pid = '', start] = (readIfThere(path) ?? '').split(' ');
    const owner = /^[1-9]\d{0,9}$/.test(pid) ? Number(pid) : undefined;
    if (owner !== undefined && isRunning(owner) && String(startOf(owner)) === start) {
      throw new UserError('campaign-in-use', `${folder} is in use by process ${owner}`);
    }
    writeFileSync(path, own);
  });
  return () => rmSync(path, { force: true });
}

/** One that was killed stays listed until its parent asks for its status, which may be never. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return statOf(pid)[STAT_STATE] !== 'Z';
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

/**
 * When a process started, in ticks since boot: another one may have its number by now. 0 where
 * /proc is missing.
 */
function startOf(pid: number): number {
  return Number(statOf(pid)[STAT_START] ?? 0);
}

/** Fields of proc_pid_stat(5) behind the name, which may hold anything; none where there is no /proc. */
function statOf(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}
