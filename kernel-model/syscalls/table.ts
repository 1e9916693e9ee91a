import { archPrctl } from './arch-prctl.ts';
import { clone3Entry, cloneEntry, fork, vfork } from './clone.ts';
import type { SyscallEntry } from './context.ts';
import { fileGetattr, fileSetattr } from './file-attributes.ts';
import { futex } from './futex.ts';
import { getegid, geteuid, getgid, getpgrp, getpid, getppid, gettid, getuid } from './identity.ts';
import { kill, rtSigqueueinfo, rtTgsigqueueinfo, tgkill, tkill } from './kill.ts';
import { madvise } from './madvise.ts';
import { membarrier } from './membarrier.ts';
import { brk, mprotect, munmap } from './memory.ts';
import { mmap } from './mmap.ts';
import { readlink } from './path.ts';
import { prctl } from './prctl.ts';
import { getcpu, schedGetaffinity, schedSetaffinity, schedYield } from './sched.ts';
import { rtSigaction, sigaltstack } from './signal-action.ts';
import { pause, rtSigpending, rtSigprocmask, rtSigreturn, rtSigsuspend } from './signal-mask.ts';
import { restartSyscall, rtSigtimedwait } from './signal-wait.ts';
import { getrandom, getrlimit, prlimit64, uname } from './system.ts';
import { exit, exitGroup, setRobustList, setTidAddress } from './thread.ts';
import {
  clockGetres,
  clockGettime,
  clockNanosleep,
  gettimeofday,
  nanosleep,
  time,
} from './time.ts';
import { wait4, waitid } from './wait.ts';
import { write, writev } from './write.ts';

/** Every modelled system call by its x86-64 number, but rseq's, which the ABI variant brings. */
export const SYSCALLS: Readonly<Record<number, SyscallEntry>> = {
  1: write,
  9: mmap,
  10: mprotect,
  11: munmap,
  12: brk,
  13: rtSigaction,
  14: rtSigprocmask,
  15: rtSigreturn,
  20: writev,
  24: schedYield,
  28: madvise,
  34: pause,
  35: nanosleep,
  39: getpid,
  56: cloneEntry,
  57: fork,
  58: vfork,
  60: exit,
  61: wait4,
  62: kill,
  63: uname,
  89: readlink,
  96: gettimeofday,
  97: getrlimit,
  102: getuid,
  104: getgid,
  107: geteuid,
  108: getegid,
  110: getppid,
  111: getpgrp,
  127: rtSigpending,
  128: rtSigtimedwait,
  129: rtSigqueueinfo,
  130: rtSigsuspend,
  131: sigaltstack,
  157: prctl,
  158: archPrctl,
  186: gettid,
  200: tkill,
  201: time,
  202: futex,
  203: schedSetaffinity,
  204: schedGetaffinity,
  218: setTidAddress,
  219: restartSyscall,
  228: clockGettime,
  229: clockGetres,
  230: clockNanosleep,
  231: exitGroup,
  234: tgkill,
  247: waitid,
  273: setRobustList,
  297: rtTgsigqueueinfo,
  302: prlimit64,
  309: getcpu,
  318: getrandom,
  324: membarrier,
  435: clone3Entry,
  468: fileGetattr,
  469: fileSetattr,
};
