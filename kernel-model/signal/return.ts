import {
  FLAGS_RESTORED,
  FLAGS_UNMODELLED,
  FXSAVE,
  RT_SIGFRAME,
  SIGCONTEXT_REGISTERS,
  USER_CS,
  USER_DS,
} from '../abi/sigframe.ts';
import { SIGNALS, STACK_T } from '../abi/signal.ts';
import { TASK_SIZE, toGuestAddress } from '../hardware/address.ts';
import { REGISTER_FILE, registerFileIndex } from '../hardware/register-file.ts';
import type { KernelContext } from '../kernel-state.ts';
import { changeStack, decodeStack } from './alternate-stack.ts';
import { clearFpState, decodeFxsave } from './fp-state.ts';
import { type FrameContext, readRegisterFile } from './frame.ts';
import { setSignalMask } from './mask.ts';
import { forceSignal } from './send.ts';
import { kernelInfo } from './siginfo.ts';

/** Bit 16: resume without debug exceptions; it is gone once the next instruction has retired. */
const RESUME_FLAG = 0x1_0000n;
const RPL_3 = 3;

/**
 * rt_sigreturn(2): goes back to what the frame above the stack pointer holds. A frame that cannot be
 * read forces SIGSEGV. Returns what is not modelled, if that was asked for.
 */
export function returnFromHandler(
  kernel: KernelContext,
  context: FrameContext,
): string | undefined {
  const { memory, registers } = context;
  const frame = toGuestAddress(BigInt.asUintN(64, registers.read('rsp') - 8n));
  const isRange = frame !== undefined && frame + RT_SIGFRAME.size <= TASK_SIZE;
  const bytes = isRange ? memory.read(frame, RT_SIGFRAME.siginfo) : undefined;
  if (bytes === undefined) {
    badFrame(kernel, context);
    return undefined;
  }
  const view = new DataView(bytes.buffer);
  const left = findUnmodelled(view);
  if (left !== undefined) return left;
  const { task } = context;
  setSignalMask(kernel, task, view.getBigUint64(RT_SIGFRAME.mask, true));
  task.signals = { ...task.signals, restart: { kind: 'none' } };
  restoreStack(context, bytes.subarray(RT_SIGFRAME.stackPointer));
  if (!restoreRegisters(context, view)) badFrame(kernel, context);
  return undefined;
}

function badFrame(kernel: KernelContext, { task }: FrameContext): void {
  forceSignal(kernel, task, kernelInfo(SIGNALS.SIGSEGV), 'current');
}

function findUnmodelled(view: DataView): string | undefined {
  const flags = view.getBigUint64(RT_SIGFRAME.flags, true) & FLAGS_UNMODELLED;
  if (flags !== 0n) return `flags 0x${flags.toString(16)} in a frame`;
  const code = view.getUint16(RT_SIGFRAME.segments, true) | RPL_3;
  const stack = view.getUint16(RT_SIGFRAME.segments + 6, true) | RPL_3;
  const isUsual = code === USER_CS && stack === USER_DS;
  return isUsual ? undefined : `segments 0x${code.toString(16)} and 0x${stack.toString(16)}`;
}

/** restore_sigcontext and fpu__restore_sig; false if the floating-point state is no good. */
function restoreRegisters({ memory, registers }: FrameContext, view: DataView): boolean {
  const file = readRegisterFile(registers);
  SIGCONTEXT_REGISTERS.forEach((name, i) => {
    file[registerFileIndex(name)] = view.getBigUint64(RT_SIGFRAME.generalRegisters + 8 * i, true);
  });
  file[REGISTER_FILE.rip] = view.getBigUint64(RT_SIGFRAME.instructionPointer, true);
  const restored = FLAGS_RESTORED & ~RESUME_FLAG;
  const kept = (file[REGISTER_FILE.rflags] ?? 0n) & ~FLAGS_RESTORED;
  file[REGISTER_FILE.rflags] = kept | (view.getBigUint64(RT_SIGFRAME.flags, true) & restored);
  const pointer = view.getBigUint64(RT_SIGFRAME.fpState, true);
  const image = pointer === 0n ? undefined : readImage(memory, pointer);
  const isGood = image !== undefined && decodeFxsave(image, file);
  if (!isGood) clearFpState(file);
  registers.writeFile(file);
  return isGood || pointer === 0n;
}

function readImage(memory: FrameContext['memory'], pointer: bigint): Uint8Array | undefined {
  const address = toGuestAddress(pointer);
  if (address === undefined || address + FXSAVE.size > TASK_SIZE) return undefined;
  return memory.read(address, FXSAVE.size);
}

/** restore_altstack: what sigaltstack(2) would refuse changes nothing. */
function restoreStack({ task, registers }: FrameContext, bytes: Uint8Array): void {
  const wanted = decodeStack(bytes.slice(0, STACK_T.size));
  const stack = changeStack(task.signals.altStack, wanted, registers.read('rsp'));
  if (typeof stack !== 'string') task.signals = { ...task.signals, altStack: stack };
}
