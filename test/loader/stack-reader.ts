/** What a start-up routine finds on its stack. */
export interface StackContents {
  readonly argv: readonly string[];
  readonly envp: readonly string[];
  /** Without the AT_NULL. */
  readonly auxv: readonly { readonly type: number; readonly value: number }[];
  /** Bytes at a stack address. */
  bytesAt(address: number, length: number): Buffer;
  /** The string at a stack address. */
  textAt(address: number): string;
}

/** Reads a stack the way a program does, `bytes` being what lies from `stackPointer` on. */
export function readStack(stackPointer: number, bytes: Uint8Array): StackContents {
  const buffer = Buffer.from(bytes);
  let next = 0;
  const word = () => {
    next += 8;
    return Number(buffer.readBigUInt64LE(next - 8));
  };
  const textAt = (address: number) => {
    const start = address - stackPointer;
    return buffer.toString('utf8', start, buffer.indexOf(0, start));
  };
  const list = () => {
    const texts: string[] = [];
    for (let pointer = word(); pointer !== 0; pointer = word()) texts.push(textAt(pointer));
    return texts;
  };
  const count = word();
  const argv = list();
  if (argv.length !== count) throw new Error(`argc is ${count}, argv has ${argv.length}`);
  const envp = list();
  const auxv: { type: number; value: number }[] = [];
  for (let type = word(); type !== 0; type = word()) auxv.push({ type, value: word() });
  return {
    argv,
    envp,
    auxv,
    bytesAt: (address, length) =>
      buffer.subarray(address - stackPointer, address - stackPointer + length),
    textAt,
  };
}
