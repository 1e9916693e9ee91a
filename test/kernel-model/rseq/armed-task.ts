import { RSEQ_AREA, RSEQ_CS } from '../../../kernel-model/abi/rseq.ts';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../../kernel-model/mm/mapping.ts';
import { TestMachine, type TestMachineOptions } from '../harness.ts';
import { SYS_RSEQ } from './script.ts';

const PAGE = 0x6000_0000;
const AREA_STRIDE = 64;
const DESCRIPTOR = PAGE + 0x800;
const SIGNATURE = 0x5305_3053;
const SECTION_BYTES = 64;
export const START = PAGE + 0xa00;
export const INSIDE = START + 17;
export const END = START + SECTION_BYTES;
export const ABORT = PAGE + 0xc00;
/** What the id fields hold after `poisonIds` until the kernel writes them. */
export const POISON = 0xdead_beef;

const ID_FIELDS = [RSEQ_AREA.cpuIdStart, RSEQ_AREA.cpuId, RSEQ_AREA.nodeId, RSEQ_AREA.mmCid];

/** A machine whose memory has a section's descriptor, and an rseq area for each task. */
export class ArmedMachine extends TestMachine {
  constructor(options: TestMachineOptions = {}) {
    super(options);
    const protection = PROT_READ | PROT_WRITE | PROT_EXEC;
    const end = PAGE + PAGE_SIZE;
    this.space.map({ start: PAGE, end, protection, shared: false, name: 'sections' });
    this.memory.writeU64(DESCRIPTOR + RSEQ_CS.startIp, BigInt(START));
    this.memory.writeU64(DESCRIPTOR + RSEQ_CS.postCommitOffset, BigInt(SECTION_BYTES));
    this.memory.writeU64(DESCRIPTOR + RSEQ_CS.abortIp, BigInt(ABORT));
    this.memory.writeU32(ABORT - 4, SIGNATURE);
  }

  areaOf(id: number): number {
    return PAGE + id * AREA_STRIDE;
  }

  /** Registers a running task's area. */
  register(id: number, lengthBytes = 32, flags = 0): void {
    if (this.call(SYS_RSEQ, [this.areaOf(id), lengthBytes, flags, SIGNATURE], id) !== 0) {
      throw new Error('a task can be registered');
    }
  }

  /** Registers a running task and puts it into the section, or elsewhere with the section armed. */
  arm(id: number, at: number = INSIDE): void {
    this.register(id);
    this.rearm(id, at);
  }

  /** The same for a task that is registered. */
  rearm(id: number, at: number = INSIDE): void {
    this.memory.writeU64(this.areaOf(id) + RSEQ_AREA.rseqCs, BigInt(DESCRIPTOR));
    this.registers(id).instructionPointer = at;
  }

  /** The section as other parts of the testbed see it. */
  get region() {
    return { source: DESCRIPTOR, start: START, end: END, abort: ABORT };
  }

  positionOf(id: number): number {
    return this.registers(id).instructionPointer;
  }

  isArmed(id: number): boolean {
    return this.memory.readU64(this.areaOf(id) + RSEQ_AREA.rseqCs) !== 0n;
  }

  poisonIds(id: number): void {
    for (const field of ID_FIELDS) this.memory.writeU32(this.areaOf(id) + field, POISON);
  }

  /** cpu_id_start, cpu_id, node_id and mm_cid. */
  idsOf(id: number): (number | undefined)[] {
    return ID_FIELDS.map((field) => this.memory.readU32(this.areaOf(id) + field));
  }
}
