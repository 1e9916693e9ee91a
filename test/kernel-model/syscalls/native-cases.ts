import { FUTEX_CASES } from './native-futex-cases.ts';
import { MEMORY_CASES } from './native-memory-cases.ts';

/**
 * Scripts of system calls (see script.c) whose results must be the same on a real kernel and on the
 * model. 0x10000000 can be read and written, the page behind it read, the next not at all, and
 * 0x10003000 is not mapped.
 */
export const NATIVE_CASES: Readonly<Record<string, string>> = {
  ...FUTEX_CASES,
  ...MEMORY_CASES,
  write: `
    call 1 0 0x10000000 1
    call 1 3 0x10000000 1
    call 1 -1 0x10003000 1
    call 1 1 0x10003000 1
    call 1 1 0x10003000 0
    call 1 1 -1 0
    call 1 1 0x7ffffffff000 0
    call 1 1 0x10000000 -1
    call 1 1 0x10000000 0x7fffefffefff
    call 1 1 0x10001000 4096
    call 1 2 0x10001ff0 4096
    call 1 1 0x10001ff0 16
    call 1 0x100000001 0x10001ff0 16
    call 1 1 0x10000ff0 8192
  `,
  writev: `
    poke 0x10000200 0x10000000
    poke 0x10000208 4
    poke 0x10000210 0x10003000
    poke 0x10000218 4
    call 20 1 0x10000200 1
    call 20 1 0x10000200 2
    call 20 1 0x10000210 1
    call 20 1 0x10000200 1025
    call 20 1 0x10000200 0
    call 20 1 0x10000200 0x100000000
    call 20 1 0x10000200 0x100000001
    call 20 1 0x10000200 -1
    call 20 1 0x10003000 1
    call 20 1 0x10003000 0
    call 20 9 0x10003000 1025
    call 20 0 0x10003000 1025
    poke 0x10000208 4096
    call 20 1 0x10000200 2
    poke 0x10000208 5000
    call 20 1 0x10000200 2
    poke 0x10000218 -1
    call 20 1 0x10000200 2
    call 20 1 0x10000210 1
    poke 0x10000218 0
    call 20 1 0x10000210 1
    call 20 1 0x10000200 2
    poke 0x10000210 -1
    poke 0x10000218 1
    call 20 1 0x10000200 2
  `,
  arch_prctl: `
    call 158 0x1003 0x10003000
    call 158 0x1004 0x10000300
    call 158 0x1002 0x7ffffffff000
    call 158 0x1002 -1
    call 158 0x1001 0x7ffffffff000
    call 158 0x1001 0x7fffffffefff
    call 158 0x100001004 0x10000300
    peek 0x10000300
    call 158 0x1001 0x8000000000000000
    call 158 0x3001 0
    call 158 0 0
  `,
  getrandom: `
    call 318 0x10000400 8 8
    call 318 0x10000400 8 6
    call 318 0x10000400 8 4
    call 318 0x10000400 8 0x100000000
    call 318 0x10000400 0 0
    call 318 0x10003000 0 0
    call 318 0x10003000 1 0
    call 318 0x10001000 1 0
    call 318 0x10000ff8 16 0
    call 318 -1 1 0
    call 318 0x10003000 1 8
  `,
  'uname, limits and users': `
    call 63 0x10003000
    call 63 0x10000f00
    call 63 0x10000000
    call 97 16 0x10003000
    call 97 3 0x10003000
    call 97 0x100000003 0x10000500
    call 302 0 3 0 0x10000500
    call 302 0 16 0 0x10000500
    call 302 9999999 16 0x10003000 0x10000500
    call 302 9999999 16 0 0x10000500
    call 302 0 16 0 0
    call 302 0 3 0 0x10003000
    call 302 -1 3 0 0x10003000
    try 102
    try 104
    try 107
    try 108
    try 39
    try 186
    try 110
  `,
  clocks: `
    call 201 0x10003000
    call 96 0x10003000 0
    call 96 0 0x10003000
    call 96 0 0
    call 228 0 0x10003000
    call 228 10 0x10003000
    call 228 12 0x10000500
    call 228 24 0x10000500
    call 228 7 0x10000500
    call 228 11 0x10000500
    call 228 0x100000001 0x10000500
    call 229 0 0
    call 229 0 0x10003000
    call 229 10 0
    call 229 1 0x10000500
    peek 0x10000500
    peek 0x10000508
    call 229 4 0x10000500
    peek 0x10000508
  `,
  sleeps: `
    poke 0x10000600 0
    poke 0x10000608 1000
    call 35 0x10000600 0
    call 35 0x10000600 0x10003000
    call 35 0x10003000 0
    poke 0x10000608 1000000000
    call 35 0x10000600 0
    poke 0x10000608 -1
    call 35 0x10000600 0
    poke 0x10000600 -1
    poke 0x10000608 0
    call 35 0x10000600 0
    call 230 0 0 0x10000600 0
    call 230 0 1 0x10000600 0
    poke 0x10000600 0
    call 230 0 1 0x10000600 0
    call 230 1 1 0x10000600 0
    call 230 1 0 0x10000600 0
    call 230 1 0xfe 0x10000600 0
    call 230 7 0 0x10000600 0
    call 230 11 0 0x10000600 0
    call 230 3 0 0x10000600 0
    call 230 4 0 0x10003000 0
    call 230 5 0 0x10000600 0
    call 230 6 0 0x10000600 0
    call 230 8 0 0x10000600 0
    call 230 10 0 0x10000600 0
    call 230 12 0 0x10003000 0
    call 230 1 0 0x10003000 0
  `,
  affinity: `
    poke 0x10000000 1
    poke 0x10000008 0
    call 203 0 8 0x10000000
    call 203 0 0 0x10003000
    call 203 0 1 0x10000000
    call 203 0 0x100000001 0x10000000
    call 203 0 8 0x10003000
    call 203 9999999 8 0x10003000
    call 203 9999999 8 0x10000000
    call 203 -1 8 0x10000000
    poke 0x10000000 0
    call 203 0 8 0x10000000
    call 204 0 8 0x10000020
    peek 0x10000020
    call 204 0 0 0x10000020
    call 204 0 1 0x10000020
    call 204 0 4 0x10000020
    call 204 0 7 0x10000020
    call 204 0 12 0x10000020
    call 204 0 0x20000000 0x10000020
    call 204 0 0x20000001 0x10000020
    call 204 0 0xffffffff 0x10000020
    call 204 0 0x100000008 0x10000020
    call 204 9999999 8 0x10003000
    call 204 9999999 4 0x10003000
    call 204 0 8 0x10003000
    call 204 -1 8 0x10000020
    call 309 0 0 0
    call 309 0x10003000 0x10000030 0
    call 309 0x10000030 0x10003000 0
    peek 0x10000030
    call 24
  `,
  'thread ids and lists': `
    try 218 0x10003000
    call 273 0x10003000 24
    call 273 0x10003000 23
    call 273 0 0x100000018
  `,
  membarrier: `
    call 324 0 0 0
    call 324 0 1 0
    call 324 512 0 0
    call 324 512 1 0
    call 324 8 0 0
    call 324 32 0 0
    call 324 128 0 0
    call 324 128 1 0
    call 324 128 2 0
    call 324 128 3 0
    call 324 128 0x80000000 0
    call 324 1 0 0
    call 324 2 0 0
    call 324 1 1 0
    call 324 3 0 0
    call 324 1024 0 0
    call 324 -1 0 0
    call 324 4 0 0
    call 324 512 0 0
    call 324 64 0 0
    call 324 512 0 0
    call 324 8 0 0                  # shown as registered, yet not permitted
    call 324 32 0 0
    call 324 128 0 0
    call 324 256 1 0
    call 324 256 0 0
    call 324 512 0 0
    call 324 128 0 0
    call 324 128 1 0
    call 324 128 1 99
    call 324 128 1 -1
    call 324 128 1 1000000
    call 324 128 2 0
    call 324 8 0 0
    call 324 16 0 0
    call 324 8 0 0
    call 324 512 0 0
    call 324 0x100000008 0 0
    call 324 8 0x100000000 0
  `,
  clone: `
    call 56 0x10000
    call 56 0x10100
    call 56 0x800
    call 56 0x10800
    call 56 0x20200
    call 56 0x10000200
    call 56 0x90900 0 0 0 0x7ffffffff000
    call 56 0x401011
    call 56 0x101011 0x10000000 0x10000000
    call 56 0x10010900
    call 56 0x20010900
  `,
  clone3: `
    call 435 0x10000000 63
    call 435 0x10000000 4097
    call 435 0x10003000 64
    call 435 0x10003000 4096
    poke 0x10000058 1
    call 435 0x10000000 96          # a member that this kernel does not know is set
    poke 0x10000058 0
    poke 0x10000040 1
    call 435 0x10000000 80          # thread ids of one's own choice: a pointer without a count
    poke 0x10000048 1
    call 435 0x10000000 80
    poke 0x10000040 0
    call 435 0x10000000 80
    poke 0x10000048 33
    call 435 0x10000000 80
    poke 0x10000048 0
    poke 0x10000020 256             # exit signal
    call 435 0x10000000 64
    poke 0x10000020 65
    call 435 0x10000000 64
    poke 0x10000020 0
    poke 0x10000000 0x400000000     # flags
    call 435 0x10000000 64
    poke 0x10000000 0x400000
    call 435 0x10000000 64
    poke 0x10000000 1
    call 435 0x10000000 64
    poke 0x10000000 0x10000
    call 435 0x10000000 64
    poke 0x10000000 0x100000800
    call 435 0x10000000 64
    poke 0x10000000 0x90900
    poke 0x10000020 17
    call 435 0x10000000 64
    poke 0x10000020 0
    poke 0x10000028 0x10000000      # stack without a size
    call 435 0x10000000 64
    poke 0x10000028 0
    poke 0x10000030 4096
    call 435 0x10000000 64
    poke 0x10000028 -4096
    poke 0x10000030 4096
    call 435 0x10000000 64
    poke 0x10000028 0x10000000
    poke 0x10000030 4096
    poke 0x10000038 0x7ffffffff000  # TLS
    call 435 0x10000000 64
    poke 0x10000000 0x200000000
    call 435 0x10000000 64
    poke 0x10000050 0x100000000
    call 435 0x10000000 88
  `,
  'numbers without a system call': `
    call -1
    call 174
    call 177
    call 178
    call 180
    call 181
    call 182
    call 183
    call 184
    call 185
    call 205
    call 211
    call 214
    call 215
    call 236
    call 337
    call 386
    call 423
    call 512
    call 547
    call 0x40000001
  `,
};
