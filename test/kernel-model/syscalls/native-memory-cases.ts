/** Calls that change mappings; memory is as NATIVE_CASES describes it. */
export const MEMORY_CASES: Readonly<Record<string, string>> = {
  mmap: `
    call 9 0 0 3 0x22 -1 0
    call 9 0 -1 3 0x22 -1 0
    call 9 0 -4096 3 0x22 -1 0
    call 9 0 0x7ffffffff000 0 0x4022 -1 0
    call 9 0 0x800000000000 0 0x4022 -1 0
    call 9 0x20000001 4096 3 0x32 -1 0
    call 9 0x20000000 4096 3 0x20 -1 0
    call 9 0x20000000 4096 3 0x23 -1 0
    call 9 0x20000000 4096 3 0x24 -1 0
    call 9 0x10000000 4096 3 0x100022 -1 0
    call 9 0x20000000 4096 3 0x100022 -1 0
    call 9 0x20000000 4096 3 0x100022 -1 0
    call 9 0x20000001 4096 3 0x100022 -1 0
    call 11 0x20000000 4096
    call 9 0x30000fff 4096 3 0x22 -1 0
    try 9 0x30000000 4096 3 0x22 -1 0
    call 9 0x31000000 4096 3 0x22 -1 1
    call 9 0x31000000 4096 0xfffffff8 0x22 -1 0xfffffffffffff000
    try 9 0 4096 3 0x22 -1 0
    call 11 $ 4096
    call 9 0 4096 3 0x32 -1 0
    call 9 0x7fffffffe000 8192 3 0x32 -1 0
    call 9 0x7ffffffff000 4096 3 0x32 -1 0
    try 9 0x7ffffffff000 4096 3 0x22 -1 0
    call 9 -4096 4096 3 0x32 -1 0
    call 9 0x32000000 4096 3 0x121 -1 0
  `,
  'mmap of descriptors': `
    call 9 0x30000000 4096 3 2 -1 0
    call 9 0x30000000 4096 3 2 0 0
    call 9 0x30000000 4096 3 2 1 0
    call 9 0x30000000 4096 1 2 0x100000001 0
    call 9 0x30000000 4096 1 1 0 0
    call 9 0x30000000 4096 3 1 0 0
    call 9 0x30000000 4096 1 0 0 0
    call 9 0x30000000 0 1 1 1 0
    call 9 0x30000000 4096 1 0x40002 1 0
    call 9 0x30000000 4096 1 0x40002 9 0
    call 9 0x30000000 4096 3 0x04040022 -1 0   # pages of 2 bytes
  `,
  mprotect: `
    call 10 0x10000001 4096 3
    call 10 0x10000000 0 8888
    call 10 0x10000001 0 3
    call 10 0x10000000 4096 16
    call 10 0x10000000 4096 0x100000003
    call 10 0x10000000 4096 0x3000003
    call 10 0x10000000 4096 0x1000003
    call 10 0x10000000 4096 11
    call 10 0x10000000 -1 3
    call 10 0x10000000 -4096 3
    call 10 0x10003000 4096 3
    call 10 0x10003000 4096 16
    call 10 0x10003000 4096 0x1000003
    call 10 0x10002000 8192 1                  # up to the hole it is done
    peek 0x10002000
    call 10 0x10000000 0x3000 0
    call 202 0x10000000 128 1
    call 10 0x10000000 0x2001 3
    poke 0x10002000 7
    peek 0x10002000
    call 10 -4096 4096 0
  `,
  munmap: `
    call 11 0x10003001 4096
    call 11 0x10003000 0
    call 11 0x10003000 4096
    call 11 0x10003000 -1
    call 11 0x7fffffffe000 8192
    call 11 0x7ffffffff000 0
    call 11 0x7ffffffff000 4096
    call 11 0x7ffffffff001 0
    call 11 0x10001000 1
    call 202 0x10001000 128 1
    call 202 0x10000000 128 1
  `,
  madvise: `
    poke 0x10000000 7
    call 28 0x10000000 4096 5
    call 28 0x10000001 4096 4
    call 28 0x10000001 4096 99
    call 28 0x10000000 -1 4
    call 28 0x10000000 -4096 4
    call 28 -4096 4096 4
    call 28 0x10000000 0 4
    call 28 0x10003000 4096 4
    call 28 0x10002000 8192 4
    call 28 0x10002000 8192 0x100000000
    peek 0x10000000
    call 28 0x10000000 0x4000 4                # before and behind the hole it is done
    peek 0x10000000
    call 28 0x10000000 4096 0
    call 28 0x10000000 4096 3
    call 28 0x10000000 4096 8
    call 28 0x10000000 4096 16
    call 28 0x10000000 4096 26
    call 28 0x10000000 4096 -1
    call 9 0x40000000 4096 3 0x100021 -1 0
    poke 0x40000000 7
    call 28 0x40000000 4096 4                  # shared memory keeps its content
    peek 0x40000000
    call 28 0x40000000 4096 8
  `,
};
