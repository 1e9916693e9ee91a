type Leaf = readonly [eax: number, ebx: number, ecx: number, edx: number];

const ZERO: Leaf = [0, 0, 0, 0];

/** Leaf 1 edx, which is also AT_HWCAP: FPU TSC CX8 CMOV CLFSH MMX FXSR SSE SSE2. */
export const CPUID_1_EDX =
  (1 << 0) |
  (1 << 4) |
  (1 << 8) |
  (1 << 15) |
  (1 << 19) |
  (1 << 23) |
  (1 << 24) |
  (1 << 25) |
  (1 << 26);
/** Leaf 1 ecx: SSE3 SSSE3 CX16 SSE4.1 SSE4.2 AES; no AVX, PCLMULQDQ, XSAVE, POPCNT or MOVBE. */
const CPUID_1_ECX = (1 << 0) | (1 << 9) | (1 << 13) | (1 << 19) | (1 << 20) | (1 << 25);
/** Leaf 0x80000001: LAHF in ecx; SYSCALL NX RDTSCP LM in edx. */
const EXTENDED_ECX = 1 << 0;
const EXTENDED_EDX = (1 << 11) | (1 << 20) | (1 << 27) | (1 << 29);
const FAMILY_MODEL_STEPPING = 0x0000_0663;
const CLFLUSH_QUADWORDS = 8;

/**
 * The one fixed feature table that guests see: what every supported engine executes rightly. The
 * vendor string is nobody's, so that no guest takes a vendor's path.
 */
export function cpuidLeaf(leaf: number, vcpu: number): Leaf {
  switch (leaf) {
    case 0:
      return [1, ascii('rseq'), ascii('bed '), ascii('test')];
    case 1:
      return [
        FAMILY_MODEL_STEPPING,
        (vcpu << 24) | (CLFLUSH_QUADWORDS << 8),
        CPUID_1_ECX,
        CPUID_1_EDX,
      ];
    case 0x8000_0000:
      return [0x8000_0001, 0, 0, 0];
    case 0x8000_0001:
      return [FAMILY_MODEL_STEPPING, 0, EXTENDED_ECX, EXTENDED_EDX];
    default:
      return ZERO;
  }
}

/** Four characters as a register holds them. Leaf 0 spells ebx, edx, ecx. */
function ascii(text: string): number {
  return [...text].reduce((word, char, i) => word | (char.charCodeAt(0) << (8 * i)), 0);
}
