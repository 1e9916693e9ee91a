/* A section that adds one to a word, and the struct rseq of this thread. */
#include "guest.h"

struct rseq_area {
  u32 cpu_id_start, cpu_id;
  volatile u64 section;
  u32 flags, node, cid, padding;
} __attribute__((aligned(32)));
struct section { u32 version, flags; u64 start, length, abort; } __attribute__((aligned(32)));

__attribute__((used)) struct rseq_area area;
__attribute__((used)) volatile u64 aborts;
static inline long register_area(struct rseq_area *it) {
  return call6(334, (long)it, 32, 0, 0x53053053, 0, 0);
}

/* Adds one to *word in a section of some length; tries again when aborted. Keeps flags of the ABI. */
void add_one(volatile u64 *word);
extern char section_start[], section_end[], section_abort[];
extern struct section add_section;
__asm__(".pushsection .data\n.balign 32\n.globl add_section\n"
        "add_section: .long 0, 0\n .quad section_start, section_end - section_start, section_abort\n"
        ".popsection\n"
        ".globl add_one, section_start, section_end, section_abort\n"
        "add_one: lea add_section(%rip), %rax\n mov %rax, area+8(%rip)\n"
        "section_start: mov (%rdi), %rcx\n nop\n nop\n nop\n nop\n add $1, %rcx\n nop\n nop\n"
        "  mov %rcx, (%rdi)\n"
        "section_end: ret\n"
        "  .byte 0x0f, 0xb9, 0x3d\n .long 0x53053053\n"
        "section_abort: lock incq aborts(%rip)\n jmp add_one\n");
