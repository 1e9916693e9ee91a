import { assert } from '../assert.ts';
import { PAGE_SHIFT, PAGE_SIZE, pageStart, TASK_SIZE } from '../hardware/address.ts';
import { type Access, allows, carve, find, insert, type Mapping, PROT_WRITE } from './mapping.ts';
import type { PhysicalMemory } from './physical-memory.ts';

const PAGES_PER_TABLE = 512;
const TABLE_BYTES = PAGES_PER_TABLE * PAGE_SIZE;
const ABSENT = -1;
/** Page table entry: frame number, with this bit where a write must copy the frame first. */
const COPY_ON_WRITE = 1 << 30;
const FRAME_MASK = COPY_ON_WRITE - 1;

const TLB_ENTRIES = 256;

/** Present pages that follow one another in guest and host memory, as an engine maps them. */
export interface EngineMapping {
  readonly address: number;
  readonly length: number;
  /** Byte offset in guest RAM. */
  readonly ramOffset: number;
  readonly protection: number;
}

/** Why an access is not allowed: si_code of the SIGSEGV that Linux sends. */
export type MemoryFault = 'maperr' | 'accerr';

/** What `save` keeps; the same object as long as nothing was mapped or populated. Opaque. */
export interface AddressSpaceImage {
  readonly version: number;
  readonly mappings: readonly Mapping[];
  readonly tables: ReadonlyMap<number, Int32Array>;
  readonly breakStart: number;
  readonly breakEnd: number;
}

/**
 * An address space (struct mm_struct): mappings, and a page table over reference-counted frames that
 * is filled on first touch, so that reservations cost nothing. Kernel-model code reads and writes
 * guest memory through `translate`; engines take `engineMappings`.
 */
export class AddressSpace {
  readonly memory: PhysicalMemory;
  #mappings: readonly Mapping[] = [];
  #tables = new Map<number, Int32Array>();
  #version: number;
  /** Start addresses of the pages that may be read, and of those that may be written too. */
  #tlbReadable = new Float64Array(TLB_ENTRIES).fill(-1);
  #tlbWritable = new Float64Array(TLB_ENTRIES).fill(-1);
  #tlbFrames = new Int32Array(TLB_ENTRIES);
  #saved: AddressSpaceImage | undefined;
  #engineMappings: readonly EngineMapping[] | undefined;
  /** The heap, [breakStart, breakEnd): see brk(2). */
  breakStart = 0;
  #breakEnd = 0;

  constructor(memory: PhysicalMemory) {
    this.memory = memory;
    this.#version = memory.issueVersion();
  }

  /** Differs whenever mappings or present pages differ; engines compare it before each run. */
  get version(): number {
    return this.#version;
  }

  get mappings(): readonly Mapping[] {
    return this.#mappings;
  }

  get breakEnd(): number {
    return this.#breakEnd;
  }

  set breakEnd(value: number) {
    this.#breakEnd = value;
    this.#changed();
  }

  /** Adds a mapping in place of whatever was there (MAP_FIXED). */
  map(mapping: Mapping): void {
    assert(pageStart(mapping.start) === mapping.start && mapping.end > mapping.start, 'pages');
    this.#drop(mapping.start, mapping.end);
    this.#mappings = insert(carve(this.#mappings, mapping.start, mapping.end), mapping);
    this.#changed();
  }

  /** Removes all pages of [start, end). */
  unmap(start: number, end: number): void {
    this.#drop(start, end);
    this.#mappings = carve(this.#mappings, start, end);
    this.#changed();
  }

  /** Changes the protection of [start, end), all of which must be mapped. */
  protect(start: number, end: number, protection: number): void {
    const inside = this.#mappings.filter((m) => m.end > start && m.start < end);
    let mappings = carve(this.#mappings, start, end);
    for (const mapping of inside) {
      mappings = insert(mappings, {
        ...mapping,
        start: Math.max(mapping.start, start),
        end: Math.min(mapping.end, end),
        protection,
      });
    }
    this.#mappings = mappings;
    this.#changed();
  }

  /** The mapping that holds `address`. */
  mappingAt(address: number): Mapping | undefined {
    return find(this.#mappings, address);
  }

  /** Byte offset in guest RAM of `address`, as `frameFor`. */
  translate(address: number, write: boolean): number {
    const frame = this.frameFor(address, write);
    return frame < 0 ? -1 : frame * PAGE_SIZE + (address & (PAGE_SIZE - 1));
  }

  /**
   * The frame that holds `address` for an access by the kernel model, populating or copying the page
   * as a page fault would; -1 when the access is not allowed.
   */
  frameFor(address: number, write: boolean): number {
    const slot = (address >>> PAGE_SHIFT) & (TLB_ENTRIES - 1);
    const start = address - (address & (PAGE_SIZE - 1));
    const known = write ? this.#tlbWritable : this.#tlbReadable;
    if (known[slot] !== start) {
      if (this.resolveFault(address, write ? 'write' : 'read') !== undefined) return -1;
      this.#fillTlb(Math.floor(address / PAGE_SIZE), slot);
    }
    return this.#tlbFrames[slot] ?? -1;
  }

  #fillTlb(page: number, slot: number): void {
    const start = page * PAGE_SIZE;
    const entry = this.#entry(page);
    const mapping = find(this.#mappings, start);
    const writable =
      (entry & COPY_ON_WRITE) === 0 && ((mapping?.protection ?? 0) & PROT_WRITE) !== 0;
    this.#tlbReadable[slot] = start;
    this.#tlbWritable[slot] = writable ? start : -1;
    this.#tlbFrames[slot] = entry & FRAME_MASK;
  }

  /** Page-fault handler: makes the page present and writable as needed, or says why not. */
  resolveFault(address: number, access: Access): MemoryFault | undefined {
    const mapping = find(this.#mappings, address);
    if (mapping === undefined) return 'maperr';
    if (!allows(mapping.protection, access)) return 'accerr';
    const page = Math.floor(address / PAGE_SIZE);
    if (this.#entry(page) === ABSENT) this.#populate(mapping, page);
    if (access === 'write') this.#breakCopyOnWrite(page);
    return undefined;
  }

  /** The frame of a present page, for the write log and hashes; `undefined` if never touched. */
  frameAt(address: number): number | undefined {
    const entry = this.#entry(Math.floor(address / PAGE_SIZE));
    return entry === ABSENT ? undefined : entry & FRAME_MASK;
  }

  /** Calls `visit` for each present page in ascending order. */
  forEachPage(visit: (address: number, frame: number) => void): void {
    this.#forEachEntry(0, TASK_SIZE, (page, entry) => visit(page * PAGE_SIZE, entry & FRAME_MASK));
  }

  /** Present pages joined into runs, with the protection an engine must enforce. */
  engineMappings(): readonly EngineMapping[] {
    this.#engineMappings ??= this.#joinPages();
    return this.#engineMappings;
  }

  #joinPages(): EngineMapping[] {
    const runs: EngineMapping[] = [];
    for (const mapping of this.#mappings) {
      this.#forEachEntry(mapping.start, mapping.end, (page, entry) => {
        joinPage(runs, page * PAGE_SIZE, entry, mapping.protection);
      });
    }
    return runs;
  }

  /** A copy for fork(2): private pages become copy-on-write on both sides, shared ones stay shared. */
  fork(): AddressSpace {
    this.#populateShared();
    const child = new AddressSpace(this.memory);
    child.#mappings = this.#mappings;
    child.breakStart = this.breakStart;
    child.#breakEnd = this.#breakEnd;
    for (const [index, table] of this.#tables) {
      table.forEach((entry, i) => {
        if (entry === ABSENT) return;
        this.memory.retain(entry & FRAME_MASK);
        const address = (index * PAGES_PER_TABLE + i) * PAGE_SIZE;
        if (find(this.#mappings, address)?.shared !== true) table[i] = entry | COPY_ON_WRITE;
      });
      child.#tables.set(index, table.slice());
    }
    this.#changed();
    return child;
  }

  /** Gives untouched shared pages their frames: both sides of a fork must find the same ones. */
  #populateShared(): void {
    for (const mapping of this.#mappings) {
      if (!mapping.shared) continue;
      for (let page = mapping.start / PAGE_SIZE; page < mapping.end / PAGE_SIZE; page++) {
        if (this.#entry(page) === ABSENT) this.#populate(mapping, page);
      }
    }
  }

  /** Drops every mapping and frame, when the last task of the address space is gone. */
  destroy(): void {
    this.#drop(0, TASK_SIZE);
    this.#mappings = [];
    this.#changed();
  }

  /** The mappings and the page table; unchanged state gives the same object again. */
  save(): AddressSpaceImage {
    if (this.#saved?.version !== this.#version) {
      this.#saved = {
        version: this.#version,
        mappings: this.#mappings,
        tables: copyTables(this.#tables),
        breakStart: this.breakStart,
        breakEnd: this.#breakEnd,
      };
    }
    return this.#saved;
  }

  restore(image: AddressSpaceImage): void {
    if (image.version === this.#version) return;
    this.#mappings = image.mappings;
    this.#tables = copyTables(image.tables);
    this.breakStart = image.breakStart;
    this.#breakEnd = image.breakEnd;
    this.#changed();
    this.#version = image.version;
    this.#saved = image;
  }

  #entry(page: number): number {
    return this.#tables.get(Math.floor(page / PAGES_PER_TABLE))?.[page % PAGES_PER_TABLE] ?? ABSENT;
  }

  #setEntry(page: number, entry: number): void {
    const index = Math.floor(page / PAGES_PER_TABLE);
    let table = this.#tables.get(index);
    if (table === undefined) {
      table = new Int32Array(PAGES_PER_TABLE).fill(ABSENT);
      this.#tables.set(index, table);
    }
    table[page % PAGES_PER_TABLE] = entry;
  }

  /**
   * Fills the absent pages around `page` within its mapping and its 2 MiB table at one go, or it alone
   * where frames are short.
   */
  #populate(mapping: Mapping, page: number): void {
    const tableStart = Math.floor((page * PAGE_SIZE) / TABLE_BYTES) * TABLE_BYTES;
    const start = Math.max(mapping.start, tableStart) / PAGE_SIZE;
    const end = Math.min(mapping.end, tableStart + TABLE_BYTES) / PAGE_SIZE;
    let first = page;
    let last = page + 1;
    while (first > start && this.#entry(first - 1) === ABSENT) first--;
    while (last < end && this.#entry(last) === ABSENT) last++;
    if (!this.memory.hasAmpleRun(last - first)) [first, last] = [page, page + 1];
    const frame = this.memory.allocate(last - first);
    for (let i = first; i < last; i++) this.#setEntry(i, frame + (i - first));
    this.#changed();
  }

  #breakCopyOnWrite(page: number): void {
    const entry = this.#entry(page);
    if ((entry & COPY_ON_WRITE) === 0) return;
    const shared = entry & FRAME_MASK;
    if (this.memory.referencesOf(shared) === 1) {
      this.#setEntry(page, shared);
    } else {
      const copy = this.memory.allocate(1);
      const source = shared * PAGE_SIZE;
      this.memory.bytes.copyWithin(copy * PAGE_SIZE, source, source + PAGE_SIZE);
      this.memory.markDirty(copy);
      this.memory.release(shared);
      this.#setEntry(page, copy);
    }
    this.#changed();
  }

  #drop(start: number, end: number): void {
    this.#forEachEntry(start, end, (page, entry) => {
      this.memory.release(entry & FRAME_MASK);
      this.#setEntry(page, ABSENT);
    });
  }

  /** Visits the present pages of [start, end) in ascending order; absent tables cost nothing. */
  #forEachEntry(start: number, end: number, visit: (page: number, entry: number) => void): void {
    for (const index of this.#tablesWithin(start, end)) {
      const table = this.#tables.get(index);
      const base = index * PAGES_PER_TABLE;
      const first = Math.max(start / PAGE_SIZE - base, 0);
      const last = Math.min(end / PAGE_SIZE - base, PAGES_PER_TABLE);
      for (let i = first; i < last; i++) {
        const entry = table?.[i] ?? ABSENT;
        if (entry !== ABSENT) visit(base + i, entry);
      }
    }
  }

  /** Indices of the page tables that exist for [start, end), ascending. */
  #tablesWithin(start: number, end: number): number[] {
    const first = Math.floor(start / TABLE_BYTES);
    const last = Math.ceil(end / TABLE_BYTES);
    if (last - first > this.#tables.size) {
      const indices = [...this.#tables.keys()].filter((index) => index >= first && index < last);
      return indices.sort((a, b) => a - b);
    }
    const indices: number[] = [];
    for (let index = first; index < last; index++) {
      if (this.#tables.has(index)) indices.push(index);
    }
    return indices;
  }

  #changed(): void {
    this.#version = this.memory.issueVersion();
    this.#engineMappings = undefined;
    this.#tlbReadable.fill(-1);
    this.#tlbWritable.fill(-1);
  }
}

function copyTables(tables: ReadonlyMap<number, Int32Array>): Map<number, Int32Array> {
  return new Map([...tables].map(([index, table]) => [index, table.slice()]));
}

/** A run that is still growing. */
type GrowingRun = { -readonly [Key in keyof EngineMapping]: EngineMapping[Key] };

function joinPage(runs: GrowingRun[], address: number, entry: number, mapped: number): void {
  const protection = (entry & COPY_ON_WRITE) === 0 ? mapped : mapped & ~PROT_WRITE;
  const ramOffset = (entry & FRAME_MASK) * PAGE_SIZE;
  const last = runs.at(-1);
  if (
    last !== undefined &&
    last.protection === protection &&
    last.address + last.length === address &&
    last.ramOffset + last.length === ramOffset
  ) {
    last.length += PAGE_SIZE;
  } else {
    runs.push({ address, length: PAGE_SIZE, ramOffset, protection });
  }
}
