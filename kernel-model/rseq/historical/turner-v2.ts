import {
  fails,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
} from '../../syscalls/context.ts';
import { parameters } from '../../syscalls/parameters.ts';
import {
  type KernelProfile,
  NO_RANGES,
  RESUMED,
  type ResumeOutcome,
  type RseqContext,
  type RseqVariant,
} from '../variant.ts';
import {
  AREA_NOT_READABLE,
  AREA_NOT_WRITABLE,
  EVERY_RESUME,
  fieldOf,
  inheritUnlessThread,
  openRegion,
  sendTo,
} from './parts.ts';
import { registerForGood } from './registration.ts';

const SYS_RESTARTABLE_SEQUENCES = 325;
/** The thread's area: byte offsets. The first two are one 64-bit word to user code. */
const AREA = { cpu: 0, event: 4, postCommitInstr: 8, size: 16 } as const;

/**
 * Turner's second proposal (October 2015): sequences are inline, nothing is registered but a thread's
 * area. The kernel keeps {cpu, event counter} there; a sequence saves it, puts its failure address
 * into rcx, stores post_commit_instr, puts what it saved into rdx, compares and commits. On the way
 * back to user mode the kernel makes the same comparison and goes to rcx where it fails. The
 * cover letter is known, the patch is not: see `inferred` below.
 */
const variant: RseqVariant = {
  ...EVERY_RESUME,
  auxv: undefined,
  syscalls: {
    [SYS_RESTARTABLE_SEQUENCES]: {
      name: 'restartable_sequences',
      parameters: parameters({ area: 'pointer', flags: 'hex' }),
      support: 'full',
      note: '',
      handler: register,
    } satisfies SyscallEntry,
  },
  onSignal(context) {
    advance(context);
    return onResume(context);
  },
  onResume,
  onClone: inheritUnlessThread,
  armedRegion(context) {
    const word = fieldOf(context.task, AREA.postCommitInstr);
    if (word === undefined) return undefined;
    const { memory, registers } = context;
    return openRegion(memory.readU64AsNumber(word), Number(registers.read('rcx')));
  },
  armingWord: (task) => fieldOf(task, AREA.postCommitInstr),
  standingRegions: () => NO_RANGES,
};

/** Another thread of the process, or a handler, may use the CPU's data from now on. */
function advance({ task, process }: RseqContext): number {
  const cpuEvents = process.rseq.cpuEvents.slice();
  while (cpuEvents.length < task.vcpu) cpuEvents.push(undefined);
  const counter = ((cpuEvents[task.vcpu]?.counter ?? 0) + 1) >>> 0;
  cpuEvents[task.vcpu] = { lastTask: task.id, counter };
  process.rseq = { ...process.rseq, cpuEvents };
  return counter;
}

function onResume(context: RseqContext): ResumeOutcome {
  const { task, process, memory, registers } = context;
  task.notifyResume = false;
  if (task.rseq === undefined) return RESUMED;
  const { address } = task.rseq;
  const last = process.rseq.cpuEvents[task.vcpu];
  const counter = last?.lastTask === task.id ? last.counter : advance(context);
  if (!memory.writeU32Pair(address + AREA.cpu, task.vcpu, counter)) return AREA_NOT_WRITABLE;
  const cell = address + AREA.postCommitInstr;
  const postCommit = memory.readU64(cell);
  if (postCommit === undefined) return AREA_NOT_READABLE;
  if (postCommit === 0n || registers.instructionPointer >= Number(postCommit)) return RESUMED;
  const current = (BigInt(counter) << 32n) | BigInt(task.vcpu);
  if (registers.read('rdx') === current) return RESUMED;
  const region = openRegion(Number(postCommit), Number(registers.read('rcx')));
  if (!memory.writeU64(cell, 0n)) return AREA_NOT_WRITABLE;
  return region === undefined ? RESUMED : sendTo(context, region, region.abort ?? 0);
}

function register(context: SyscallContext, args: SyscallArguments): SyscallResult {
  if (args[1] !== 0n) return fails('EINVAL');
  return registerForGood(context, args[0], { lengthBytes: AREA.size, alignBytes: 8 });
}

export const TURNER_V2: KernelProfile = {
  name: 'turner-v2',
  era: 'Turner, October 2015',
  aliases: [],
  differences: [
    'sequences are inline: no table of code is registered',
    'a per-CPU event counter advances when another thread of the process gets the CPU',
    'a task caught before post_commit_instr goes to rcx if {cpu, event} is not what rdx holds',
    'a preemption after which nobody else of the process ran there aborts nothing',
  ],
  sources: [
    'cover letter, mail.spinics.net linux-api msg14984; reply, lkml.iu.edu 1510.3/03238',
    'docs/abi/historical.md, turner-v2',
  ],
  inferred: [
    'the call restartable_sequences(area, flags), number 325 after the 324 of Linux 4.3, and its errnos',
    'the area: u32 cpu, u32 event counter, u64 post_commit_instr, aligned to 8',
    'there is no lower bound: any address below post_commit_instr counts as inside',
    'the kernel clears post_commit_instr when it goes to rcx',
    'the counter belongs to a process; delivering a signal advances it, as a handler may have sections',
    'threads are unregistered, children of fork registered',
  ],
  release: '4.3.0-rseq-testbed',
  lastSyscall: 324,
  scheme: 'turner-v2',
  rseq: variant,
};
