import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import { AddressSpace, type AddressSpaceImage } from '../../../kernel-model/mm/address-space.ts';
import { type MemoryImage, MemoryImages } from '../../../kernel-model/mm/memory-images.ts';
import { type AllocationImage, PhysicalMemory } from '../../../kernel-model/mm/physical-memory.ts';
import { UserMemory } from '../../../kernel-model/mm/user-memory.ts';

interface WorldImage {
  readonly memory: MemoryImage;
  readonly allocation: AllocationImage;
  readonly spaces: readonly { readonly space: AddressSpace; readonly image: AddressSpaceImage }[];
}

/** Address spaces over one memory with snapshots, put together as the machine puts them. */
export class RealWorld {
  readonly memory: PhysicalMemory;
  readonly #images: MemoryImages;
  #spaces: AddressSpace[];

  constructor(ramBytes: number) {
    this.memory = new PhysicalMemory(new ArrayBuffer(ramBytes), Number.POSITIVE_INFINITY);
    this.#images = new MemoryImages(this.memory);
    this.#spaces = [new AddressSpace(this.memory)];
  }

  get spaces(): readonly AddressSpace[] {
    return this.#spaces;
  }

  space(index: number): AddressSpace {
    const space = this.#spaces[index];
    if (space === undefined) throw new Error(`space ${index} exists`);
    return space;
  }

  user(index: number): UserMemory {
    return new UserMemory(this.space(index));
  }

  fork(index: number): void {
    this.#spaces.push(this.space(index).fork());
  }

  destroy(index: number): void {
    this.space(index).destroy();
    this.#spaces.splice(index, 1);
  }

  /** Stores as an engine does: through its mappings alone; false where they forbid it. */
  engineStore(index: number, address: number, byte: number): boolean {
    const mapping = this.space(index)
      .engineMappings()
      .find((one) => address >= one.address && address < one.address + one.length);
    if (mapping === undefined || (mapping.protection & 2) === 0) return false;
    const offset = mapping.ramOffset + (address - mapping.address);
    this.memory.bytes[offset] = byte;
    this.memory.markDirty(Math.floor(offset / PAGE_SIZE));
    return true;
  }

  snapshot(): WorldImage {
    return {
      memory: this.#images.take(),
      allocation: this.memory.saveAllocation(),
      spaces: this.#spaces.map((space) => ({ space, image: space.save() })),
    };
  }

  restore(image: WorldImage): void {
    this.#images.restore(image.memory);
    this.memory.restoreAllocation(image.allocation);
    for (const { space, image: saved } of image.spaces) space.restore(saved);
    this.#spaces = image.spaces.map(({ space }) => space);
  }
}
