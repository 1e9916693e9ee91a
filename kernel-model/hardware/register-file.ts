import { GENERAL_REGISTERS, type RegisterName } from './registers.ts';

/**
 * The architectural register file as words, the form that hashes, comparisons and tests use:
 * 16 general registers, rip, rflags, fs_base, gs_base, 16 XMM registers of two words, mxcsr,
 * the x87 control, status and tag words, and 8 x87 registers of two words (mantissa, exponent).
 */
export const REGISTER_FILE = {
  general: 0,
  rip: 16,
  rflags: 17,
  fsBase: 18,
  gsBase: 19,
  xmm: 20,
  mxcsr: 52,
  fpControl: 53,
  fpStatus: 54,
  fpTag: 55,
  st: 56,
} as const;

export const REGISTER_FILE_WORDS = 72;

/** The name of each word, for messages and tests. */
export const REGISTER_FILE_NAMES: readonly string[] = [
  ...GENERAL_REGISTERS,
  'rip',
  'rflags',
  'fs_base',
  'gs_base',
  ...Array.from({ length: 32 }, (_, i) => `xmm${i >> 1}.${i & 1}`),
  'mxcsr',
  'fpcw',
  'fpsw',
  'fptag',
  ...Array.from({ length: 16 }, (_, i) => `st${i >> 1}.${i & 1}`),
];

/** Index of a named register in the file. */
export function registerFileIndex(register: RegisterName): number {
  switch (register) {
    case 'rflags':
      return REGISTER_FILE.rflags;
    case 'fs_base':
      return REGISTER_FILE.fsBase;
    case 'gs_base':
      return REGISTER_FILE.gsBase;
    default:
      return GENERAL_REGISTERS.indexOf(register);
  }
}
