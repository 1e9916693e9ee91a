import type { RegisterName } from '../../../kernel-model/hardware/registers.ts';
import type { Exit } from '../engine.ts';

/** A load or store of an instruction; it is made only if none of them faults. */
export type ScriptedAccess =
  | {
      readonly kind: 'load';
      readonly address: number;
      readonly sizeBytes: number;
      readonly into?: RegisterName;
    }
  | {
      readonly kind: 'store';
      readonly address: number;
      readonly sizeBytes: number;
      /** A value, or the register that holds it; its low bytes are stored. */
      readonly value: bigint | RegisterName;
    };

/** What happens when the instruction pointer comes to an address. */
export type ScriptedInstruction = ScriptedAction & {
  /** Bytes that must be fetched; 1 if left out. */
  readonly lengthBytes?: number;
};

type ScriptedAction =
  /** Makes its accesses, sets registers, retires, and goes on at `next`. */
  | {
      readonly kind: 'plain';
      readonly accesses?: readonly ScriptedAccess[];
      readonly registers?: Readonly<Partial<Record<RegisterName, bigint>>>;
      readonly next: number;
    }
  /** rep stos: stores of rax at rdi upwards, rcx times, each a retired unit. */
  | { readonly kind: 'fill'; readonly sizeBytes: number; readonly next: number }
  /** Ends each run that comes here, before anything happens. */
  | { readonly kind: 'exit'; readonly exit: Exit };

/** Instructions by their address. */
export type Script = ReadonlyMap<number, ScriptedInstruction>;
