import {
  Decoder,
  DecoderOptions,
  FlowControl,
  type Instruction,
  OpKind,
  Register,
  RflagsBits,
} from 'iced-x86';

const WINDOW_BYTES = 128;

/** rflags bit masks of iced's flag bits that are written by arithmetic. */
const FLAGS: readonly (readonly [RflagsBits, bigint])[] = [
  [RflagsBits.CF, 1n << 0n],
  [RflagsBits.PF, 1n << 2n],
  [RflagsBits.AF, 1n << 4n],
  [RflagsBits.ZF, 1n << 6n],
  [RflagsBits.SF, 1n << 7n],
  [RflagsBits.OF, 1n << 11n],
];
const ALL_BITS = 0xffff_ffff_ffff_ffffn;

/**
 * The rflags bits that can still matter at an instruction: all but the arithmetic flags that the
 * straight line from there overwrites before reading them. What the architecture leaves undefined
 * after an instruction is never read by a program that is right, so it is not live, whatever value an
 * engine gives it. A pure function of the code bytes from `ip` on.
 */
export function liveFlagsMask(code: Uint8Array, ip: number): bigint {
  const decoder = new Decoder(64, code.subarray(0, WINDOW_BYTES), DecoderOptions.None);
  decoder.ip = BigInt(ip);
  let undecided = FLAGS.reduce((bits, [flag]) => bits | flag, 0);
  let dead = 0;
  while (decoder.canDecode && undecided !== 0) {
    const instruction = decoder.decode();
    const { rflagsRead, rflagsModified, isInvalid, flowControl } = instruction;
    const mayKeepFlags = isCountedByRegister(instruction);
    instruction.free();
    if (isInvalid) break;
    undecided &= ~rflagsRead;
    if (mayKeepFlags) continue;
    dead |= undecided & rflagsModified;
    undecided &= ~rflagsModified;
    if (flowControl !== FlowControl.Next) break;
  }
  decoder.free();
  return FLAGS.reduce((mask, [flag, bit]) => ((dead & flag) !== 0 ? mask & ~bit : mask), ALL_BITS);
}

/** Shifts and rotates by cl, and repeated strings: a count of zero leaves the flags alone. */
function isCountedByRegister(instruction: Instruction): boolean {
  if (instruction.isStringInstruction) return true;
  const last = instruction.opCount - 1;
  return (
    last > 0 &&
    instruction.opKind(last) === OpKind.Register &&
    instruction.opRegister(last) === Register.CL &&
    instruction.rflagsUndefined !== 0
  );
}
