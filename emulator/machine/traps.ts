import { PAGE_FAULT, VECTOR } from '../../kernel-model/abi/sigframe.ts';
import { SI_CODE, SIGNALS } from '../../kernel-model/abi/signal.ts';
import { assertNever } from '../../kernel-model/assert.ts';
import { TASK_SIZE } from '../../kernel-model/hardware/address.ts';
import type { Trap } from '../../kernel-model/kernel.ts';
import type { AddressSpace } from '../../kernel-model/mm/address-space.ts';
import { PROT_NONE } from '../../kernel-model/mm/mapping.ts';
import type { CpuException } from '../engine/engine.ts';

/** An access of the guest that its CPU could not make. */
export interface FailedAccess {
  readonly access: 'read' | 'write' | 'fetch';
  readonly address: number | bigint;
}

const ERROR_BITS = { read: 0, write: PAGE_FAULT.WRITE, fetch: PAGE_FAULT.FETCH } as const;

/**
 * exc_page_fault: makes the page present or private and returns nothing, or returns the SIGSEGV that
 * Linux sends. `usesStack` says that the address is one of the stack segment, where an address that is
 * not canonical is a stack fault.
 */
export function pageFault(
  space: AddressSpace,
  { access, address }: FailedAccess,
  usesStack: () => boolean,
): Trap | undefined {
  const word = BigInt.asUintN(64, BigInt(address));
  const bits = PAGE_FAULT.USER | ERROR_BITS[access];
  const at = Number(address);
  if (at < TASK_SIZE) {
    const reason = space.resolveFault(at, access);
    if (reason === undefined) return undefined;
    // x86's access_error refuses a fetch only once the page is present: whatever is accessible
    // becomes so.
    if (access === 'fetch') space.resolveFault(at, 'read');
    const protection = space.mappingAt(at)?.protection ?? PROT_NONE;
    const isPresent = protection !== PROT_NONE && space.frameAt(at) !== undefined;
    const code = reason === 'maperr' ? SI_CODE.SEGV_MAPERR : SI_CODE.SEGV_ACCERR;
    return segfault(code, word, isPresent ? bits | PAGE_FAULT.PRESENT : bits);
  }
  // Linux does not tell what of its own half is mapped.
  if (isCanonical(word)) return segfault(SI_CODE.SEGV_MAPERR, word, bits | PAGE_FAULT.PRESENT);
  return usesStack()
    ? anonymous(SIGNALS.SIGBUS, VECTOR.STACK_FAULT)
    : anonymous(SIGNALS.SIGSEGV, VECTOR.GENERAL_PROTECTION);
}

function isCanonical(word: bigint): boolean {
  return BigInt.asUintN(64, BigInt.asIntN(48, word)) === word;
}

function segfault(code: number, address: bigint, errorCode: number): Trap {
  const vector = VECTOR.PAGE_FAULT;
  return { signal: SIGNALS.SIGSEGV, code, address, vector, errorCode, cr2: address };
}

/** A signal that tells no address. */
function anonymous(signal: number, vector: number): Trap {
  return { signal, code: SI_CODE.SI_KERNEL, address: 0n, vector, errorCode: 0 };
}

/** The signal of an exception, as arch/x86/kernel/traps.c sends it. */
export function trapOf(exception: CpuException, instructionPointer: number): Trap {
  const address = BigInt(instructionPointer);
  const errorCode = 0;
  switch (exception) {
    case 'divide-error': {
      const vector = VECTOR.DIVIDE_ERROR;
      return { signal: SIGNALS.SIGFPE, code: SI_CODE.FPE_INTDIV, address, vector, errorCode };
    }
    case 'breakpoint':
      return anonymous(SIGNALS.SIGTRAP, VECTOR.BREAKPOINT);
    case 'invalid-opcode': {
      const vector = VECTOR.INVALID_OPCODE;
      return { signal: SIGNALS.SIGILL, code: SI_CODE.ILL_ILLOPN, address, vector, errorCode };
    }
    case 'general-protection':
      return anonymous(SIGNALS.SIGSEGV, VECTOR.GENERAL_PROTECTION);
    default:
      return assertNever(exception);
  }
}
