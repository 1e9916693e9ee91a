import type { Errno } from '../abi/errno.ts';
import { FUTEX_OP, FUTEX_OP_CMP, FUTEX_OP_OPARG_SHIFT } from '../abi/futex.ts';
import type { UserMemory } from '../mm/user-memory.ts';

/**
 * Carries out the operation that FUTEX_WAKE_OP encodes on the word at `address` and compares the
 * old value (futex_atomic_op_inuser). An unknown comparison is found after the word was changed.
 */
export function runEncodedOperation(
  memory: UserMemory,
  address: number,
  encoded: number,
): boolean | Errno {
  const operation = (encoded >>> 28) & 7;
  const comparison = (encoded >>> 24) & 0xf;
  const argument = signExtend12(encoded >>> 12);
  const isShift = (encoded & FUTEX_OP_OPARG_SHIFT) !== 0;
  const operand = isShift ? 1 << (argument & 31) : argument;
  if (operation > FUTEX_OP.XOR) return 'ENOSYS';
  const old = memory.readU32(address);
  if (old === undefined) return 'EFAULT';
  if (!memory.writeU32(address, operate(operation, old, operand) >>> 0)) return 'EFAULT';
  return compare(comparison, old | 0, signExtend12(encoded));
}

/** The low 12 bits as a signed number. */
function signExtend12(value: number): number {
  return (value << 20) >> 20;
}

function operate(operation: number, old: number, operand: number): number {
  switch (operation) {
    case FUTEX_OP.ADD:
      return old + operand;
    case FUTEX_OP.OR:
      return old | operand;
    case FUTEX_OP.ANDN:
      return old & ~operand;
    case FUTEX_OP.XOR:
      return old ^ operand;
    default:
      return operand;
  }
}

function compare(comparison: number, old: number, argument: number): boolean | Errno {
  switch (comparison) {
    case FUTEX_OP_CMP.EQ:
      return old === argument;
    case FUTEX_OP_CMP.NE:
      return old !== argument;
    case FUTEX_OP_CMP.LT:
      return old < argument;
    case FUTEX_OP_CMP.LE:
      return old <= argument;
    case FUTEX_OP_CMP.GT:
      return old > argument;
    case FUTEX_OP_CMP.GE:
      return old >= argument;
    default:
      return 'ENOSYS';
  }
}
