/** Page protection bits, as PROT_* in mmap(2). */
export const PROT_NONE = 0;
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_EXEC = 4;

/** A virtual memory area (struct vm_area_struct): page-aligned [start, end). Immutable. */
export interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly protection: number;
  /** MAP_SHARED: frames stay shared over fork instead of copy-on-write. */
  readonly shared: boolean;
  /** What tells shared memory from other shared memory at the same address. */
  readonly object?: number;
  readonly name: string;
  /** Part of the program file, as opposed to stack, heap and anonymous memory. */
  readonly isImage?: boolean;
}

export type Access = 'read' | 'write' | 'fetch';

/** Whether a protection allows an access; on x86-64 every accessible page is readable. */
export function allows(protection: number, access: Access): boolean {
  switch (access) {
    case 'read':
      return protection !== PROT_NONE;
    case 'write':
      return (protection & PROT_WRITE) !== 0;
    case 'fetch':
      return (protection & PROT_EXEC) !== 0;
  }
}

/** The sorted list with [start, end) taken out; neighbours are split at the borders. */
export function carve(mappings: readonly Mapping[], start: number, end: number): Mapping[] {
  const rest: Mapping[] = [];
  for (const mapping of mappings) {
    if (mapping.end <= start || mapping.start >= end) {
      rest.push(mapping);
      continue;
    }
    if (mapping.start < start) rest.push({ ...mapping, end: start });
    if (mapping.end > end) rest.push({ ...mapping, start: end });
  }
  return rest;
}

/** The sorted list with `added` put in; [added.start, added.end) must be free. */
export function insert(mappings: readonly Mapping[], added: Mapping): Mapping[] {
  const index = mappings.findIndex((mapping) => mapping.start >= added.end);
  return mappings.toSpliced(index < 0 ? mappings.length : index, 0, added);
}

/** The mapping that holds `address`, by binary search. */
export function find(mappings: readonly Mapping[], address: number): Mapping | undefined {
  let low = 0;
  let high = mappings.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const mapping = mappings[middle];
    if (mapping === undefined) return undefined;
    if (address < mapping.start) high = middle - 1;
    else if (address >= mapping.end) low = middle + 1;
    else return mapping;
  }
  return undefined;
}

/** True when every byte of [start, end) is mapped. */
export function covered(mappings: readonly Mapping[], start: number, end: number): boolean {
  let next = start;
  while (next < end) {
    const mapping = find(mappings, next);
    if (mapping === undefined) return false;
    next = mapping.end;
  }
  return true;
}

/** The highest free range of `length` bytes that ends at or below `top` (mmap's top-down search). */
export function findGap(
  mappings: readonly Mapping[],
  length: number,
  bottom: number,
  top: number,
): number | undefined {
  let end = top;
  for (let i = mappings.length - 1; i >= 0; i--) {
    const mapping = mappings[i];
    if (mapping === undefined || mapping.start >= end) continue;
    if (end - Math.max(mapping.end, bottom) >= length) return end - length;
    end = Math.min(end, mapping.start);
  }
  return end - bottom >= length ? end - length : undefined;
}
