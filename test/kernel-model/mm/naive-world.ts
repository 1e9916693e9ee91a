import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import { type Access, PROT_EXEC, PROT_NONE, PROT_WRITE } from '../../../kernel-model/mm/mapping.ts';

/** A page as the naive model has it: its bytes that are not zero, by offset. */
interface NaivePage {
  /** Which content the page shows; shared pages of several spaces show the same. */
  readonly content: number;
  readonly protection: number;
  readonly shared: boolean;
}

/**
 * Address spaces without frames, tables or sharing of anything but what MAP_SHARED shares: contents
 * are maps of bytes, fork copies each private page at once, and a snapshot copies everything.
 */
export class NaiveWorld {
  #contents = new Map<number, Map<number, number>>();
  #spaces: Map<number, NaivePage>[] = [new Map()];
  #nextContent = 1;

  get spaceCount(): number {
    return this.#spaces.length;
  }

  copy(): NaiveWorld {
    const world = new NaiveWorld();
    world.#contents = new Map([...this.#contents].map(([id, bytes]) => [id, new Map(bytes)]));
    world.#spaces = this.#spaces.map((pages) => new Map(pages));
    world.#nextContent = this.#nextContent;
    return world;
  }

  map(space: number, first: number, count: number, protection: number, shared: boolean): void {
    for (let page = first; page < first + count; page++) {
      this.#pagesOf(space).set(page, { content: this.#newContent(), protection, shared });
    }
  }

  unmap(space: number, first: number, count: number): void {
    for (let page = first; page < first + count; page++) this.#pagesOf(space).delete(page);
  }

  isMapped(space: number, first: number, count: number): boolean {
    const pages = this.#pagesOf(space);
    return Array.from({ length: count }, (_, i) => first + i).every((page) => pages.has(page));
  }

  protect(space: number, first: number, count: number, protection: number): void {
    const pages = this.#pagesOf(space);
    for (let index = first; index < first + count; index++) {
      const page = pages.get(index);
      if (page !== undefined) pages.set(index, { ...page, protection });
    }
  }

  fork(space: number): void {
    const pages = [...this.#pagesOf(space)].map(([index, page]): [number, NaivePage] => {
      if (page.shared) return [index, page];
      const content = this.#newContent();
      this.#contents.set(content, new Map(this.#bytesOf(page)));
      return [index, { ...page, content }];
    });
    this.#spaces.push(new Map(pages));
  }

  destroy(space: number): void {
    this.#spaces.splice(space, 1);
  }

  /** What a SIGSEGV for this access would say, `undefined` if there is none. */
  faultOf(space: number, address: number, access: Access): 'maperr' | 'accerr' | undefined {
    const page = this.#pagesOf(space).get(Math.floor(address / PAGE_SIZE));
    if (page === undefined) return 'maperr';
    const isAllowed = {
      read: page.protection !== PROT_NONE,
      write: (page.protection & PROT_WRITE) !== 0,
      fetch: (page.protection & PROT_EXEC) !== 0,
    };
    return isAllowed[access] ? undefined : 'accerr';
  }

  protectionOf(space: number, page: number): number | undefined {
    return this.#pagesOf(space).get(page)?.protection;
  }

  write(space: number, address: number, bytes: Uint8Array): void {
    bytes.forEach((byte, i) => {
      const page = this.#pagesOf(space).get(Math.floor((address + i) / PAGE_SIZE));
      if (page !== undefined) this.#bytesOf(page).set((address + i) % PAGE_SIZE, byte);
    });
  }

  /** The content of a mapped page. */
  pageBytes(space: number, page: number): Uint8Array {
    const bytes = new Uint8Array(PAGE_SIZE);
    const found = this.#pagesOf(space).get(page);
    if (found !== undefined) {
      for (const [offset, byte] of this.#bytesOf(found)) bytes[offset] = byte;
    }
    return bytes;
  }

  #newContent(): number {
    this.#contents.set(this.#nextContent, new Map());
    return this.#nextContent++;
  }

  #bytesOf(page: NaivePage): Map<number, number> {
    const bytes = this.#contents.get(page.content);
    if (bytes === undefined) throw new Error('a page has content');
    return bytes;
  }

  #pagesOf(space: number): Map<number, NaivePage> {
    const pages = this.#spaces[space];
    if (pages === undefined) throw new Error(`space ${space} exists`);
    return pages;
  }
}
