import { REGISTER_FILE, registerFileIndex } from '../../../kernel-model/hardware/register-file.ts';
import { GENERAL_REGISTERS, type RegisterName } from '../../../kernel-model/hardware/registers.ts';

/** uc_x86_reg of each general register, in GENERAL_REGISTERS order. */
const GENERAL_IDS = [35, 38, 40, 37, 44, 36, 43, 39, 106, 107, 108, 109, 110, 111, 112, 113];
const RFLAGS_ID = 25;
const FS_BASE_ID = 250;
const GS_BASE_ID = 251;
const XMM0_ID = 122;
const MXCSR_ID = 249;
const FPCW_ID = 246;
const FPSW_ID = 31;
const FPTAG_ID = 247;
const FP0_ID = 82;

/** uc_x86_reg of rip. */
export const RIP_ID = 41;

/** One register of the file: Unicorn's id and where its words go. rip is kept by the CPU itself. */
export interface FileRegister {
  readonly id: number;
  readonly index: number;
}

/** All registers of the register file but rip. */
export const FILE_REGISTERS: readonly FileRegister[] = [
  ...GENERAL_IDS.map((id, i) => ({ id, index: REGISTER_FILE.general + i })),
  { id: RFLAGS_ID, index: REGISTER_FILE.rflags },
  { id: FS_BASE_ID, index: REGISTER_FILE.fsBase },
  { id: GS_BASE_ID, index: REGISTER_FILE.gsBase },
  ...Array.from({ length: 16 }, (_, i) => ({ id: XMM0_ID + i, index: REGISTER_FILE.xmm + 2 * i })),
  { id: MXCSR_ID, index: REGISTER_FILE.mxcsr },
  { id: FPCW_ID, index: REGISTER_FILE.fpControl },
  { id: FPSW_ID, index: REGISTER_FILE.fpStatus },
  { id: FPTAG_ID, index: REGISTER_FILE.fpTag },
  ...Array.from({ length: 8 }, (_, i) => ({ id: FP0_ID + i, index: REGISTER_FILE.st + 2 * i })),
];

/** uc_x86_reg by name. */
export const REGISTER_IDS: Readonly<Record<RegisterName, number>> = Object.fromEntries(
  [...GENERAL_REGISTERS, 'rflags' as const, 'fs_base' as const, 'gs_base' as const].map((name) => [
    name,
    FILE_REGISTERS.find((register) => register.index === registerFileIndex(name))?.id ?? 0,
  ]),
) as Record<RegisterName, number>;
