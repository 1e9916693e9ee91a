import { ERRNO } from '../../kernel-model/abi/errno.ts';
import type {
  ArgumentFormat,
  SyscallArguments,
  SyscallEntry,
  SyscallResult,
} from '../../kernel-model/syscalls/context.ts';
import type { Task } from '../../kernel-model/task/task.ts';

const ERRNO_MAX = 4095n;

/** One line of --strace: `[tid] name(arguments) = result`, from the system call table's own line. */
export function formatSyscall(
  task: Task,
  entry: SyscallEntry,
  args: SyscallArguments,
  result: SyscallResult,
): string {
  const shown = entry.parameters.map(({ format }, i) => formatArgument(args[i] ?? 0n, format));
  return `[${task.tid}] ${entry.name}(${shown.join(', ')}) = ${formatResult(result)}`;
}

function formatArgument(word: bigint, format: ArgumentFormat): string {
  switch (format) {
    case 'int':
      return String(BigInt.asIntN(32, word));
    case 'uint':
      return String(BigInt.asUintN(32, word));
    case 'size':
      return String(word);
    case 'hex':
      return `0x${BigInt.asUintN(32, word).toString(16)}`;
    case 'pointer':
    case 'buffer':
    case 'string':
      return word === 0n ? 'NULL' : `0x${word.toString(16)}`;
  }
}

function formatResult(result: SyscallResult): string {
  switch (result.kind) {
    case 'return':
    case 'segfault': {
      const value = BigInt.asIntN(64, result.value);
      if (value >= 0n || value < -ERRNO_MAX) return formatValue(value);
      const number = Number(-value);
      const name = Object.entries(ERRNO).find(([, errno]) => errno === number)?.[0];
      return `-1 ${name ?? `errno ${number}`}`;
    }
    case 'block':
      return '? (waits)';
    case 'yield':
      return '0';
    case 'restored':
    case 'exited':
      return '?';
    case 'unsupported':
      return '? (not supported)';
  }
}

function formatValue(value: bigint): string {
  return value < 65_536n ? String(value) : `0x${value.toString(16)}`;
}
