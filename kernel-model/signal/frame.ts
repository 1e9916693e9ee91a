import {
  FLAGS_CLEARED_FOR_HANDLER,
  FP_STATE_ALIGNMENT,
  FRAME_ALIGNMENT,
  FXSAVE,
  RED_ZONE_BYTES,
  RT_SIGFRAME,
  SIGCONTEXT_REGISTERS,
  UC_FLAGS,
  USER_CS,
  USER_DS,
} from '../abi/sigframe.ts';
import { SA } from '../abi/signal.ts';
import { TASK_SIZE, toGuestAddress } from '../hardware/address.ts';
import {
  REGISTER_FILE,
  REGISTER_FILE_WORDS,
  registerFileIndex,
} from '../hardware/register-file.ts';
import type { TaskRegisters } from '../hardware/registers.ts';
import type { UserMemory } from '../mm/user-memory.ts';
import type { Task } from '../task/task.ts';
import { isInUse, liesOn, stackState } from './alternate-stack.ts';
import { clearFpState, encodeFxsave } from './fp-state.ts';
import { encodeSignalInfo, type SignalInfo } from './siginfo.ts';
import type { SignalAction } from './signal-state.ts';

/** A task and what a signal frame consists of. */
export interface FrameContext {
  readonly task: Task;
  readonly memory: UserMemory;
  readonly registers: TaskRegisters;
}

/** A signal with the action that its handler was taken from. */
export interface CaughtSignal {
  readonly info: SignalInfo;
  readonly action: SignalAction;
}

/** Where a frame goes. */
interface FramePlace {
  readonly frame: number;
  readonly fpState: number;
}

/** All registers of a task as words. */
export function readRegisterFile(registers: TaskRegisters): BigUint64Array {
  const file = new BigUint64Array(REGISTER_FILE_WORDS);
  registers.readFile(file);
  return file;
}

/**
 * x64_setup_rt_frame and what follows it in handle_signal: pushes a frame and sends the task to the
 * handler. False, with the registers as they were, if the frame cannot be written.
 */
export function pushFrame(context: FrameContext, caught: CaughtSignal): boolean {
  const { memory, registers, task } = context;
  const { info, action } = caught;
  if ((action.flags & SA.RESTORER) === 0) return false;
  const file = readRegisterFile(registers);
  const place = findPlace(task, action, registers.read('rsp'));
  if (place === undefined) return false;
  const { frame, fpState } = place;
  if (!writeFpState(memory, fpState, file)) return false;
  const wantsInfo = (action.flags & SA.SIGINFO) !== 0;
  // Some bytes of the frame stay as they are.
  const bytes = memory.read(frame, wantsInfo ? RT_SIGFRAME.size : RT_SIGFRAME.siginfo);
  if (bytes === undefined) return false;
  fillFrame(bytes, { context, action, file, fpState });
  if (wantsInfo) bytes.set(encodeSignalInfo(info), RT_SIGFRAME.siginfo);
  if (!memory.write(frame, bytes)) return false;
  enterHandler(context, caught, file, frame);
  return true;
}

/** get_sigframe; `undefined` where the kernel takes an address that is always bogus. */
function findPlace(task: Task, action: SignalAction, rsp: bigint): FramePlace | undefined {
  const { altStack } = task.signals;
  let sp = BigInt.asUintN(64, rsp - RED_ZONE_BYTES);
  const isEntering = (action.flags & SA.ONSTACK) !== 0 && stackState(altStack, sp) === 0;
  if (isEntering) sp = BigInt.asUintN(64, altStack.pointer + altStack.sizeBytes);
  const fpState = roundDown(sp - BigInt(FXSAVE.size), FP_STATE_ALIGNMENT);
  const frame = roundDown(fpState - BigInt(RT_SIGFRAME.size), FRAME_ALIGNMENT) - 8n;
  const mustFit = isEntering || isInUse(altStack, rsp);
  if (mustFit && !liesOn(altStack, BigInt.asUintN(64, frame))) return undefined;
  const start = toGuestAddress(BigInt.asUintN(64, frame));
  const image = toGuestAddress(BigInt.asUintN(64, fpState));
  if (start === undefined || image === undefined) return undefined;
  return image + FXSAVE.size > TASK_SIZE ? undefined : { frame: start, fpState: image };
}

function roundDown(value: bigint, alignment: bigint): bigint {
  return value & -alignment;
}

/** copy_fpstate_to_sigframe with FXSAVE: what the CPU leaves alone in between stays. */
function writeFpState(memory: UserMemory, address: number, file: BigUint64Array): boolean {
  const image = encodeFxsave(file);
  return (
    memory.write(address, image.subarray(0, FXSAVE.reserved)) &&
    memory.write(address + FXSAVE.software, image.subarray(FXSAVE.software))
  );
}

interface FrameContents {
  readonly context: FrameContext;
  readonly action: SignalAction;
  readonly file: BigUint64Array;
  readonly fpState: number;
}

function fillFrame(bytes: Uint8Array, { context, action, file, fpState }: FrameContents): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const put = (offset: number, value: bigint): void => {
    view.setBigUint64(offset, BigInt.asUintN(64, value), true);
  };
  const { signals } = context.task;
  const mask = signals.savedMask ?? signals.mask;
  put(RT_SIGFRAME.restorer, action.restorer);
  put(RT_SIGFRAME.ucFlags, UC_FLAGS);
  put(RT_SIGFRAME.ucLink, 0n);
  put(RT_SIGFRAME.stackPointer, signals.altStack.pointer);
  view.setUint32(RT_SIGFRAME.stackFlags, signals.altStack.flags, true);
  put(RT_SIGFRAME.stackSize, signals.altStack.sizeBytes);
  SIGCONTEXT_REGISTERS.forEach((name, i) => {
    put(RT_SIGFRAME.generalRegisters + 8 * i, file[registerFileIndex(name)] ?? 0n);
  });
  put(RT_SIGFRAME.instructionPointer, BigInt(context.registers.instructionPointer));
  put(RT_SIGFRAME.flags, file[REGISTER_FILE.rflags] ?? 0n);
  put(RT_SIGFRAME.segments, BigInt(USER_CS) | (BigInt(USER_DS) << 48n));
  put(RT_SIGFRAME.errorCode, BigInt(signals.exception.errorCode));
  put(RT_SIGFRAME.vector, BigInt(signals.exception.vector));
  put(RT_SIGFRAME.oldMask, mask);
  put(RT_SIGFRAME.cr2, signals.exception.cr2);
  put(RT_SIGFRAME.fpState, BigInt(fpState));
  put(RT_SIGFRAME.mask, mask);
}

function enterHandler(
  { registers }: FrameContext,
  { info, action }: CaughtSignal,
  file: BigUint64Array,
  frame: number,
): void {
  clearFpState(file);
  registers.writeFile(file);
  registers.write('rdi', BigInt(info.signal));
  registers.write('rax', 0n);
  registers.write('rsi', BigInt(frame + RT_SIGFRAME.siginfo));
  registers.write('rdx', BigInt(frame + RT_SIGFRAME.ucFlags));
  registers.write('rsp', BigInt(frame));
  registers.write('rflags', registers.read('rflags') & ~FLAGS_CLEARED_FOR_HANDLER);
  registers.instructionPointer = Number(action.handler);
}
