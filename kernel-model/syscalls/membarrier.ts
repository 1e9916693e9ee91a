import {
  MEMBARRIER,
  MEMBARRIER_CMD_FLAG_CPU,
  MEMBARRIER_FIRST_COMMANDS,
} from '../abi/membarrier.ts';
import { taskOf } from '../sched/run-queue.ts';
import { sharesMemory } from '../task/process.ts';
import type { Process } from '../task/task.ts';
import {
  fails,
  returns,
  type SyscallArguments,
  type SyscallContext,
  type SyscallEntry,
  type SyscallResult,
  toInt32,
  toUint32,
} from './context.ts';
import { parameters } from './parameters.ts';

const ALL_CPUS = -1;

/** Mirrors kernel/sched/membarrier.c. Memory is sequentially consistent: no barrier is missing. */
function sysMembarrier(context: SyscallContext, args: SyscallArguments): SyscallResult {
  const command = toInt32(args[0]);
  const flags = toUint32(args[1]);
  const known = context.profile.membarrierCommands ?? MEMBARRIER_FIRST_COMMANDS;
  const isCpuAllowed = command === MEMBARRIER.PRIVATE_EXPEDITED_RSEQ && (known & command) !== 0;
  if (flags !== 0 && !(isCpuAllowed && flags === MEMBARRIER_CMD_FLAG_CPU)) return fails('EINVAL');
  const cpu = flags === MEMBARRIER_CMD_FLAG_CPU ? toInt32(args[2]) : ALL_CPUS;
  const { process } = context;
  // Combinations of commands fall through to the default.
  if (command !== MEMBARRIER.QUERY && (known & command) !== command) return fails('EINVAL');
  switch (command) {
    case MEMBARRIER.QUERY:
      return returns(known);
    case MEMBARRIER.GLOBAL:
    case MEMBARRIER.GLOBAL_EXPEDITED:
      return returns(0);
    case MEMBARRIER.REGISTER_GLOBAL_EXPEDITED:
    case MEMBARRIER.REGISTER_PRIVATE_EXPEDITED:
    case MEMBARRIER.REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
    case MEMBARRIER.REGISTER_PRIVATE_EXPEDITED_RSEQ:
      return register(context, command);
    case MEMBARRIER.PRIVATE_EXPEDITED:
      return requires(process, MEMBARRIER.REGISTER_PRIVATE_EXPEDITED);
    case MEMBARRIER.PRIVATE_EXPEDITED_SYNC_CORE:
      return requires(process, MEMBARRIER.REGISTER_PRIVATE_EXPEDITED_SYNC_CORE);
    case MEMBARRIER.PRIVATE_EXPEDITED_RSEQ:
      return interrupt(context, cpu);
    case MEMBARRIER.GET_REGISTRATIONS:
      return returns(registrationsShown(process));
    default:
      return fails('EINVAL');
  }
}

/** mm->membarrier_state belongs to the memory: processes that share it register together. */
function register({ state, process }: SyscallContext, command: number): SyscallResult {
  for (const each of state.processes) {
    if (each.space === process.space) each.membarrierRegistrations |= command;
  }
  return returns(0);
}

function requires(process: Process, registration: number): SyscallResult {
  return (process.membarrierRegistrations & registration) === 0 ? fails('EPERM') : returns(0);
}

/** The special registrations show up as the plain one too, yet do not permit the plain command. */
function registrationsShown(process: Process): number {
  const done = process.membarrierRegistrations;
  const special =
    MEMBARRIER.REGISTER_PRIVATE_EXPEDITED_SYNC_CORE | MEMBARRIER.REGISTER_PRIVATE_EXPEDITED_RSEQ;
  return (done & special) === 0 ? done : done | MEMBARRIER.REGISTER_PRIVATE_EXPEDITED;
}

/**
 * membarrier_private_expedited for rseq. To all CPUs it passes over the caller; to the caller's own
 * CPU by its number it does not. With nobody else to disturb it does nothing at all.
 */
function interrupt(context: SyscallContext, cpu: number): SyscallResult {
  const { state, process, profile, task: caller } = context;
  const denied = requires(process, MEMBARRIER.REGISTER_PRIVATE_EXPEDITED_RSEQ);
  if (denied.kind !== 'return' || denied.value !== 0n) return denied;
  const users = state.tasks.filter(
    (task) => task.state.kind !== 'dead' && sharesMemory(state, task, caller),
  );
  if (users.length === 1 || state.vcpus.length === 1) return returns(0);
  for (const vcpu of state.vcpus) {
    const isTarget = cpu < 0 ? vcpu.current !== caller.id : vcpu.id === cpu;
    if (vcpu.current === 0 || !isTarget) continue;
    const task = taskOf(state, vcpu.current);
    if (sharesMemory(state, task, caller)) profile.rseq.onMembarrier(task);
  }
  return returns(0);
}

export const membarrier: SyscallEntry = {
  name: 'membarrier',
  parameters: parameters({ cmd: 'int', flags: 'hex', cpu_id: 'int' }),
  support: 'partial',
  note: 'MEMBARRIER_CMD_GLOBAL returns at once instead of sleeping for a grace period',
  handler: sysMembarrier,
};
