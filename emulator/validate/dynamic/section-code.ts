import {
  Decoder,
  DecoderOptions,
  FlowControl,
  type Instruction,
  type InstructionInfo,
  InstructionInfoFactory,
  Mnemonic,
  OpAccess,
  OpKind,
  Register,
  RegisterExt,
} from 'iced-x86';
import type { GeneralRegister } from '../../../kernel-model/hardware/registers.ts';
import { toMemoryOperand } from '../../engine/decode/convert.ts';
import type { MemoryOperand } from '../../engine/decode/instruction.ts';

/** A store that an instruction of a section makes by an operand of its own. */
export interface CodeStore {
  readonly instruction: number;
  readonly operand: MemoryOperand;
  /**
   * The last instruction at or before the store that loads from the same place, the address registers
   * being the same since: the store depends on what was there. `undefined` for a blind store.
   */
  readonly load: number | undefined;
  /** A loop may execute the load again before the store. */
  readonly isLoadRepeated: boolean;
  /** Setting or clearing bits does no harm when it is done again. */
  readonly isIdempotent: boolean;
  /** The last instruction of the section, which commits. */
  readonly isLast: boolean;
}

/** What the validators know of a section's instructions, by the address of each that stores. */
export type SectionCode = ReadonlyMap<number, CodeStore>;

const READING: ReadonlySet<OpAccess> = new Set([
  OpAccess.Read,
  OpAccess.CondRead,
  OpAccess.ReadWrite,
  OpAccess.ReadCondWrite,
]);
const WRITING: ReadonlySet<OpAccess> = new Set([
  OpAccess.Write,
  OpAccess.CondWrite,
  OpAccess.ReadWrite,
  OpAccess.ReadCondWrite,
]);
const IDEMPOTENT: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Or,
  Mnemonic.And,
  Mnemonic.Bts,
  Mnemonic.Btr,
]);

/** A load whose address registers have not changed since. */
interface LiveLoad {
  readonly instruction: number;
  readonly place: string;
  readonly registers: readonly (GeneralRegister | undefined)[];
}

/** A branch back, from the instruction at `from`. */
interface Loop {
  readonly from: number;
  readonly to: number;
}

/** Decodes `bytes`, the code of a section from its first instruction at `start` to its end. */
export function decodeSection(bytes: Uint8Array, start: number): SectionCode {
  const stores: Omit<CodeStore, 'isLoadRepeated'>[] = [];
  const loops: Loop[] = [];
  const decoder = new Decoder(64, bytes, DecoderOptions.None);
  decoder.ip = BigInt(start);
  const factory = new InstructionInfoFactory();
  let loads: LiveLoad[] = [];
  while (decoder.canDecode) {
    const instruction = decoder.decode();
    const info = factory.info(instruction);
    const at = Number(instruction.ip);
    const access = memoryAccess(instruction, info);
    if (access !== undefined) {
      const { operand, kind } = access;
      const place = placeOf(operand);
      if (READING.has(kind)) {
        loads.push({ instruction: at, place, registers: [operand.base, operand.index] });
      }
      if (WRITING.has(kind)) {
        stores.push({
          instruction: at,
          operand,
          load: loads.findLast((load) => load.place === place)?.instruction,
          isIdempotent: IDEMPOTENT.has(instruction.mnemonic),
          isLast: !decoder.canDecode,
        });
      }
    }
    const target = Number(instruction.nearBranchTarget);
    if (isBranch(instruction) && target <= at) loops.push({ from: at, to: target });
    const written = writtenRegisters(info);
    loads = loads.filter(({ registers }) => !registers.some((name) => name && written.has(name)));
    info.free();
    instruction.free();
  }
  factory.free();
  decoder.free();
  return new Map(
    stores.map((store) => [
      store.instruction,
      { ...store, isLoadRepeated: isIn(loops, store.load) },
    ]),
  );
}

function isIn(loops: readonly Loop[], address: number | undefined): boolean {
  if (address === undefined) return false;
  return loops.some(({ from, to }) => address >= to && address <= from);
}

function isBranch({ flowControl }: Instruction): boolean {
  return (
    flowControl === FlowControl.ConditionalBranch || flowControl === FlowControl.UnconditionalBranch
  );
}

function memoryAccess(
  instruction: Instruction,
  info: InstructionInfo,
): { readonly operand: MemoryOperand; readonly kind: OpAccess } | undefined {
  for (let i = 0; i < instruction.opCount; i++) {
    if (instruction.opKind(i) !== OpKind.Memory) continue;
    const kind = info.opAccess(i);
    if (kind === OpAccess.None || kind === OpAccess.NoMemAccess) continue;
    return { operand: toMemoryOperand(instruction), kind };
  }
  return undefined;
}

/** Equal for operands that name the same place while their registers stay the same. */
function placeOf({ base, index, scale, displacement, segment, sizeBytes }: MemoryOperand): string {
  return [base, index, index && scale, displacement, segment, sizeBytes].join(' ');
}

const REGISTER_NAMES: ReadonlyMap<Register, GeneralRegister> = new Map([
  [Register.RAX, 'rax'],
  [Register.RCX, 'rcx'],
  [Register.RDX, 'rdx'],
  [Register.RBX, 'rbx'],
  [Register.RSP, 'rsp'],
  [Register.RBP, 'rbp'],
  [Register.RSI, 'rsi'],
  [Register.RDI, 'rdi'],
  [Register.R8, 'r8'],
  [Register.R9, 'r9'],
  [Register.R10, 'r10'],
  [Register.R11, 'r11'],
  [Register.R12, 'r12'],
  [Register.R13, 'r13'],
  [Register.R14, 'r14'],
  [Register.R15, 'r15'],
]);

function writtenRegisters(info: InstructionInfo): ReadonlySet<GeneralRegister> {
  const written = new Set<GeneralRegister>();
  for (const used of info.usedRegisters()) {
    const name = REGISTER_NAMES.get(RegisterExt.fullRegister(used.register));
    if (name !== undefined && WRITING.has(used.access)) written.add(name);
    used.free();
  }
  return written;
}
