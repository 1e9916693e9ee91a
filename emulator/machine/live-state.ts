import { PAGE_SIZE } from '../../kernel-model/hardware/address.ts';
import { REGISTER_FILE, REGISTER_FILE_WORDS } from '../../kernel-model/hardware/register-file.ts';
import type { UserMemory } from '../../kernel-model/mm/user-memory.ts';
import { liveFlagsMask } from '../engine/decode/live-flags.ts';
import {
  type AbortEdge,
  ALL_REGISTERS_LIVE,
  liveRegisters,
} from '../engine/decode/live-registers.ts';
import type { EngineCpu } from '../engine/engine.ts';

interface Live {
  readonly registers: number;
  readonly flags: bigint;
}

const ALL: Live = { registers: ALL_REGISTERS_LIVE, flags: 0xffff_ffff_ffff_ffffn };
const GENERAL_REGISTERS_COUNT = 16;

/**
 * Registers without what the code ahead overwrites before it reads it: equal where a run goes on
 * alike. What is live at an instruction is kept until the code, or the sections known, change.
 */
export class LiveState {
  readonly #flagCode: (ramOffset: number) => void;
  readonly #file = new BigUint64Array(REGISTER_FILE_WORDS);
  readonly #known = new Map<number, Live>();
  #edges: readonly AbortEdge[] = [];

  /**
   * `flagCode` is told where code is of which something is kept: forget must be called when it
   * changes.
   */
  constructor(flagCode: (ramOffset: number) => void) {
    this.#flagCode = flagCode;
  }

  /** Code changed: what was live before may be no more. */
  forget(): void {
    this.#known.clear();
  }

  /** From these ranges control may go to abort handlers. */
  setEdges(edges: readonly AbortEdge[]): void {
    this.#edges = edges;
    this.forget();
  }

  /** The registers of a CPU, those that are dead as zeros; overwritten by the next call. */
  read(cpu: EngineCpu, memory: UserMemory): BigUint64Array {
    const file = this.#file;
    cpu.readRegisterFile(file);
    const { registers, flags } = this.#at(cpu.instructionPointer, memory);
    for (let index = 0; index < GENERAL_REGISTERS_COUNT; index++) {
      if (((registers >> index) & 1) === 0) file[index] = 0n;
    }
    file[REGISTER_FILE.rflags] = (file[REGISTER_FILE.rflags] ?? 0n) & flags;
    return file;
  }

  #at(ip: number, memory: UserMemory): Live {
    const offset = memory.space.translate(ip, false);
    if (offset < 0) return ALL;
    let live = this.#known.get(offset);
    if (live === undefined) {
      live = this.#analyse(ip, memory);
      this.#flagCode(offset);
      this.#known.set(offset, live);
    }
    return live;
  }

  #analyse(ip: number, memory: UserMemory): Live {
    const base = ip - (ip % PAGE_SIZE);
    const code = memory.read(base, PAGE_SIZE);
    if (code === undefined) return ALL;
    return {
      registers: liveRegisters(code, base, ip, this.#edges),
      flags: liveFlagsMask(code.subarray(ip - base), ip),
    };
  }
}
