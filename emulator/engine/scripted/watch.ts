interface Range {
  readonly start: number;
  readonly lengthBytes: number;
}

/** Which stores end a run: see EngineCpu.watch, addKnownArming and setDescriptorRange. */
export class Watch {
  /** 0 for none. */
  address = 0;
  readonly known = new Set<bigint>();
  descriptors: Range = { start: 0, lengthBytes: 0 };

  isHit(address: number, sizeBytes: number, value: bigint): boolean {
    const word = { start: this.address, lengthBytes: this.address === 0 ? 0 : 8 };
    const isWhole = address === this.address && sizeBytes === 8;
    if (overlaps(word, address, sizeBytes) && !(isWhole && this.#needsNoReport(value))) return true;
    return overlaps(this.descriptors, address, sizeBytes);
  }

  #needsNoReport(value: bigint): boolean {
    return value === 0n || this.known.has(value);
  }
}

function overlaps({ start, lengthBytes }: Range, address: number, sizeBytes: number): boolean {
  return address < start + lengthBytes && address + sizeBytes > start;
}
