import { type Instruction, Mnemonic } from 'iced-x86';

/** A floating-point control register as an instruction loads it, and what of it the engine follows. */
export interface ControlRegister {
  readonly name: string;
  readonly sizeBytes: number;
  /** Bits that raise #GP where they are set. */
  readonly reserved: number;
  /** Bits that must be set: masks of the exceptions that Unicorn never raises. */
  readonly ones: number;
  /** Bits that must be clear: modes that Unicorn 2.0.1 has not. */
  readonly zeros: number;
}

/** Bits 7 to 12 are masks; bit 6 is "denormals are zeros", bit 15 "flush to zero". */
const MXCSR: ControlRegister = {
  name: 'mxcsr',
  sizeBytes: 4,
  reserved: ~0xffff,
  ones: 0x1f80,
  zeros: 0x8040,
};
const X87_CONTROL_WORD: ControlRegister = {
  name: 'the x87 control word',
  sizeBytes: 2,
  reserved: 0,
  ones: 0x3f,
  zeros: 0,
};

/** The control register that an instruction loads from the start of its memory operand. */
export function controlLoaded({ mnemonic }: Instruction): ControlRegister | undefined {
  switch (mnemonic) {
    case Mnemonic.Ldmxcsr:
      return MXCSR;
    case Mnemonic.Fldcw:
    case Mnemonic.Fldenv:
    case Mnemonic.Frstor:
      return X87_CONTROL_WORD;
    default:
      return undefined;
  }
}
