import { PAGE_SIZE, pageStart } from '../../../kernel-model/hardware/address.ts';
import type { EngineMapping } from '../../../kernel-model/mm/address-space.ts';
import { PROT_EXEC, PROT_READ, PROT_WRITE } from '../../../kernel-model/mm/mapping.ts';
import type { CodeMaps } from './code-maps.ts';
import type { Pointer, UnicornLibrary } from './ffi.ts';

/** Kernel-half address of the padding; nothing of the guest's can be there. */
const PADDING_ADDRESS = 0xffff_f000_0000_0000n;
const PADDING_BYTES = 4 << 20;

/**
 * Keeps a Unicorn instance's memory map equal to a list of mappings. Pages that are writable and
 * executable are mapped writable until code was decoded from them, and then only executable, so that
 * no store to code goes unseen (translations and class bytes would be stale).
 */
export class Mapper {
  readonly #library: UnicornLibrary;
  readonly #uc: Pointer;
  readonly #ram: Pointer;
  readonly #codeMaps: CodeMaps;
  #wanted: readonly EngineMapping[] = [];
  #applied: EngineMapping[] = [];
  #codeVersion = -1;
  #hasWritableCode = false;
  #isPadded = false;

  constructor(library: UnicornLibrary, uc: Pointer, ram: Pointer, codeMaps: CodeMaps) {
    this.#library = library;
    this.#uc = uc;
    this.#ram = ram;
    this.#codeMaps = codeMaps;
  }

  get mappings(): readonly EngineMapping[] {
    return this.#wanted;
  }

  /** Takes a new list; returns true when pages that could hold code were unmapped. */
  set(mappings: readonly EngineMapping[]): boolean {
    if (mappings === this.#wanted) return false;
    this.#wanted = mappings;
    this.#hasWritableCode = mappings.some((m) => isWritableCode(m.protection));
    return this.#apply();
  }

  /** Follows pages that came to hold decoded code, or ceased to. */
  followCode(): void {
    if (!this.#hasWritableCode || this.#codeVersion === this.#codeMaps.version) return;
    this.#apply();
  }

  /** Drops what was translated from a frame of RAM, wherever it is mapped. */
  forgetFrame(frame: number): void {
    const ramOffset = frame * PAGE_SIZE;
    for (const mapping of this.#applied) {
      const offset = ramOffset - mapping.ramOffset;
      if (offset < 0 || offset >= mapping.length || !isExecutable(mapping)) continue;
      const start = mapping.address + offset;
      this.#library.removeTranslations(this.#uc, start, start + PAGE_SIZE);
    }
  }

  /** Drops what was translated from the page of a mapped, executable address. */
  forgetPage(address: number): void {
    const start = pageStart(address);
    this.#library.removeTranslations(this.#uc, start, start + PAGE_SIZE);
  }

  #apply(): boolean {
    const target = this.#wanted.flatMap((mapping) => this.#split(mapping));
    // Once, code that was met after its data was mapped is mapped afresh, padding in between.
    const isAfresh = !this.#isPadded && target.some((mapping) => this.#holdsCode(mapping));
    const old = new Map(this.#applied.map((mapping) => [mapping.address, mapping]));
    const added: EngineMapping[] = [];
    const applied: EngineMapping[] = [];
    let droppedCode = false;
    for (const mapping of target) {
      const before = old.get(mapping.address);
      if (isAfresh || before === undefined || !isSamePlace(before, mapping)) {
        added.push(mapping);
        continue;
      }
      old.delete(mapping.address);
      applied.push(mapping);
      if (before.protection === mapping.protection) continue;
      if (isExecutable(before) && !isExecutable(mapping)) droppedCode = this.#forget(before);
      this.#library.protect(this.#uc, mapping.address, mapping.length, mapping.protection);
    }
    for (const mapping of old.values()) {
      if (isExecutable(mapping)) droppedCode = this.#forget(mapping);
      this.#library.unmap(this.#uc, mapping.address, mapping.length);
    }
    this.#addAll(added);
    this.#applied = [...applied, ...added];
    this.#codeVersion = this.#codeMaps.version;
    return droppedCode;
  }

  #forget({ address, length }: EngineMapping): true {
    this.#library.removeTranslations(this.#uc, address, address + length);
    return true;
  }

  /**
   * Maps code, then padding, then data: Unicorn stores 1.7 times as fast where no page of translated
   * code is near in the order of mapping.
   */
  #addAll(added: readonly EngineMapping[]): void {
    const code = added.filter((mapping) => this.#holdsCode(mapping));
    for (const mapping of code) this.#map(mapping);
    if (!this.#isPadded && code.length > 0) {
      this.#library.mapPadding(this.#uc, PADDING_ADDRESS, PADDING_BYTES);
      this.#isPadded = true;
    }
    for (const mapping of added) if (!code.includes(mapping)) this.#map(mapping);
  }

  /** Executable only, or a writable page from which code was decoded. */
  #holdsCode(mapping: EngineMapping): boolean {
    return isExecutable(mapping) && (mapping.protection & PROT_WRITE) === 0;
  }

  #map({ address, length, ramOffset, protection }: EngineMapping): void {
    const at = this.#ram + BigInt(ramOffset);
    this.#library.mapPointer(this.#uc, address, length, protection, at);
  }

  /** Splits writable code into pages with the protection each needs now. */
  #split(mapping: EngineMapping): EngineMapping[] {
    // A page that x86 lets be read at all has PROT_READ; PROT_NONE pages are left unmapped.
    if (mapping.protection === 0) return [];
    if (!isWritableCode(mapping.protection)) {
      return [{ ...mapping, protection: mapping.protection | PROT_READ }];
    }
    const pages: EngineMapping[] = [];
    for (let offset = 0; offset < mapping.length; offset += PAGE_SIZE) {
      const ramOffset = mapping.ramOffset + offset;
      const isCode = this.#codeMaps.has(ramOffset / PAGE_SIZE);
      const protection = PROT_READ | PROT_EXEC | (isCode ? 0 : PROT_WRITE);
      pages.push({ address: mapping.address + offset, length: PAGE_SIZE, ramOffset, protection });
    }
    return pages;
  }

  /** Byte offset in RAM of a guest address, -1 if it is not mapped. */
  offsetOf(address: number): number {
    const mapping = this.find(address);
    return mapping === undefined ? -1 : mapping.ramOffset + (address - mapping.address);
  }

  /** The first page of [address, address + length) that an access to it may not touch. */
  firstInaccessible(address: number, length: number, protection: number): number | undefined {
    if (!Number.isSafeInteger(address)) return address;
    const end = address + length;
    for (let at = address; at < end; at = pageStart(at) + PAGE_SIZE) {
      const mapping = this.find(at);
      if (((mapping?.protection ?? 0) & protection) === 0) return at;
    }
    return undefined;
  }

  /** Whether a page is writable code that is mapped read-only, because code was decoded from it. */
  hidesWrites(address: number): boolean {
    const mapping = this.find(address);
    if (mapping === undefined || !isWritableCode(mapping.protection)) return false;
    const offset = mapping.ramOffset + (address - mapping.address);
    return this.#codeMaps.has(Math.floor(offset / PAGE_SIZE));
  }

  /** The bytes at an address up to the first that cannot be executed, at most `length`. */
  readCode(ram: Uint8Array, address: number, length: number): Uint8Array {
    const code = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const mapping = this.find(address + done);
      if (mapping === undefined || (mapping.protection & PROT_EXEC) === 0) break;
      const offset = mapping.ramOffset + (address + done - mapping.address);
      const available = mapping.address + mapping.length - (address + done);
      const count = Math.min(length - done, available);
      code.set(ram.subarray(offset, offset + count), done);
      done += count;
    }
    return code.subarray(0, done);
  }

  /** The little-endian word at an address; `undefined` where part of it is not mapped. */
  readData(ram: Uint8Array, address: number, sizeBytes: number): bigint | undefined {
    let value = 0n;
    for (let i = sizeBytes - 1; i >= 0; i--) {
      const offset = this.offsetOf(address + i);
      if (offset < 0) return undefined;
      value = (value << 8n) | BigInt(ram[offset] ?? 0);
    }
    return value;
  }

  /** The wanted mapping that holds an address, by binary search. */
  find(address: number): EngineMapping | undefined {
    let low = 0;
    let high = this.#wanted.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const mapping = this.#wanted[middle];
      if (mapping === undefined) return undefined;
      if (address < mapping.address) high = middle - 1;
      else if (address >= mapping.address + mapping.length) low = middle + 1;
      else return mapping;
    }
    return undefined;
  }
}

function isExecutable({ protection }: EngineMapping): boolean {
  return (protection & PROT_EXEC) !== 0;
}

function isWritableCode(protection: number): boolean {
  return (protection & (PROT_WRITE | PROT_EXEC)) === (PROT_WRITE | PROT_EXEC);
}

function isSamePlace(a: EngineMapping, b: EngineMapping): boolean {
  return a.address === b.address && a.length === b.length && a.ramOffset === b.ramOffset;
}
