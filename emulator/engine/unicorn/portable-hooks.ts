import { RECORD_WRITE } from '../access-log.ts';
import { INSTRUCTION_CLASS } from '../decode/classify.ts';
import { BOUNDARY, type CodeMaps, STOP } from './code-maps.ts';
import { STOP_BUDGET, STOP_LOG_FULL, STOP_SPECIAL } from './control.ts';
import type { ControlBlock } from './control-block.ts';
import type { Pointer, UnicornLibrary } from './ffi.ts';
import { registerCodeHook, registerMemoryHook } from './hooks.ts';
import type { LogRing } from './log-ring.ts';
import { type AccessingCpu, needsSlowWay, type SlowAccess } from './slow-access.ts';

/** A CPU as `HookPointers.start` needs it. */
export interface StartedCpu {
  readonly control: ControlBlock;
  readonly handle: number;
}

/** What Unicorn calls for each instruction and for each access, and how it is entered. */
export interface HookPointers {
  readonly code: Pointer;
  readonly memory: Pointer;
  /** uc_emu_start at an instruction; returns Unicorn's error number. */
  readonly start: (cpu: StartedCpu, instructionPointer: number) => number;
}

/** What the portable hooks work on. */
export interface PortableParts {
  readonly library: UnicornLibrary;
  readonly codeMaps: CodeMaps;
  readonly ring: LogRing;
  readonly slowAccess: SlowAccess;
  /** The CPU that runs. */
  readonly running: () => AccessingCpu;
}

/**
 * What thunks.S does, in JavaScript: for hosts of another architecture, where it makes runs some 20
 * times as slow, and for tests to compare with.
 */
export function registerPortableHooks(parts: PortableParts): HookPointers {
  return {
    code: registerCodeHook((uc, address) => {
      const reason = beforeInstruction(parts, Number(address));
      if (reason === 0) return;
      parts.running().control.stopBefore(Number(address), reason);
      parts.library.stop(uc);
    }),
    memory: registerMemoryHook((_uc, kind, address, sizeBytes, value) =>
      onAccess(parts, kind, Number(address), sizeBytes, BigInt(value)),
    ),
    start: ({ handle }, instructionPointer) =>
      parts.library.start(handle, instructionPointer, 0, 0, 0),
  };
}

/** Counts an instruction that is about to execute; a STOP_* reason if it must not, else 0. */
function beforeInstruction({ codeMaps, ring, running }: PortableParts, address: number): number {
  const cpu = running();
  const { control, mapper } = cpu;
  control.remaining--;
  if (control.remaining < 0) return STOP_BUDGET;
  const kind = codeMaps.classAt(mapper.offsetOf(address));
  const isPlain = (kind & INSTRUCTION_CLASS.plain) !== 0;
  if (!isPlain && !control.isRepeating(address) && !control.takePass(address)) return STOP_SPECIAL;
  if ((kind & (BOUNDARY | STOP)) !== 0 && !control.isRepeating(address)) {
    if (cpu.stopsBefore(kind, address)) return STOP_SPECIAL;
  }
  if ((kind & BOUNDARY) !== 0 && !control.isRepeating(address)) {
    if (ring.isFull) return STOP_LOG_FULL;
    ring.appendBoundary(address, control.lastIp, control.remaining);
  }
  control.start(address);
  return 0;
}

function onAccess(
  { ring, slowAccess, running }: PortableParts,
  kind: number,
  address: number,
  sizeBytes: number,
  value: bigint,
): void {
  const cpu = running();
  if (ring.isFull || needsSlowWay(address, sizeBytes)) {
    slowAccess.access(cpu, kind, address, sizeBytes, value);
    return;
  }
  const { lastIp: instruction, remaining: stamp } = cpu.control;
  ring.append({ kind, address, sizeBytes, value, stamp, instruction });
  if (kind === RECORD_WRITE) cpu.control.checkWatch(address, sizeBytes, value);
}
