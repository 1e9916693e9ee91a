# Host code called by Unicorn's hooks, System V AMD64. Assembled bytes live in thunks.ts; a test
# assembles this file again and compares. Field offsets are CONTROL in control.ts.
    .intel_syntax noprefix
    .text

# UC_HOOK_CODE(rdi uc, rsi address, edx size, rcx control): counts down, stops before the
# instruction when the budget is spent or when its class byte is not "plain".
    .globl code_thunk
code_thunk:
    sub dword ptr [rcx], 1
    js 8f
    mov rax, rsi
    shr rax, 12
    mov r8d, eax
    and r8d, 1023
    shl r8d, 4
    add r8, [rcx + 40]
    cmp [r8], rax
    jne 7f
    mov r8, [r8 + 8]
    mov eax, esi
    and eax, 4095
    movzx eax, byte ptr [r8 + rax]
    cmp eax, 1
    jne 3f
1:  mov rax, [rcx + 8]
    mov [rcx + 8], rsi
    mov [rcx + 16], rax
    ret
# Not only plain: bit 0 plain, bit 1 boundary (logged), bit 7 stop; else special unless let through
# once or as REP. Runs end before those that they stop at, but for their first: before boundaries if
# bit 1 of the mask is set, before stops whose place in the page is in the bitmap if bit 7 is.
3:  test al, 1
    jnz 4f
    cmp rsi, [rcx + 32]
    je 1b
    cmp rsi, [rcx + 24]
    jne 7f
    mov qword ptr [rcx + 24], -1
4:  mov r8d, [rcx + 156]
    test r8d, r8d
    js 5f
    cmp r8d, [rcx]
    je 5f
    mov r9d, eax
    and r9d, [rcx + 160]
    jz 5f
    test r9d, 2
    jnz 7f
    mov r9, [rcx + 168]
    mov r8d, esi
    and r8d, 4095
    bt [r9], r8
    jc 7f
5:  test al, 2
    jz 1b
    mov r10, [rcx + 56]
    mov r8, [r10]
    cmp r8, [r10 + 8]
    jae 6f
    mov rax, [rcx + 8]
    mov [r8], rsi
    mov [r8 + 8], rax
    mov eax, [rcx]
    mov [r8 + 16], rax
    mov [r8 + 24], rsi
    add r8, 32
    mov [r10], r8
    jmp 1b
# The ring is full: stop as special, the instruction has not run.
6:  mov dword ptr [rcx + 4], 3
    jmp 9f
7:  mov dword ptr [rcx + 4], 2
    jmp 9f
8:  cmp dword ptr [rcx + 4], 0
    jne 9f
    mov dword ptr [rcx + 4], 1
9:  mov [rcx + 80], rsi
    jmp [rcx + 48]

# UC_HOOK_MEM_*(rdi uc, esi type, rdx address, ecx size, r8 value, r9 control): appends a record;
# a store to the watched word, or into the known descriptors, ends the run after this instruction.
# An access that crosses its page takes the slow way, which saves what it overwrites: should its
# second part fault, Unicorn has stored the first already, where hardware stores nothing. So does
# one of 8 bytes that ends where 8 more would not fit: it may be the first half of 16.
    .p2align 4
    .globl memory_thunk
memory_thunk:
    mov eax, edx
    and eax, 4095
    add eax, ecx
    cmp eax, 4089
    jae 8f
1:  mov r10, [r9 + 56]
    mov rax, [r10]
    cmp rax, [r10 + 8]
    jae 9f
    mov r11, [r9 + 8]
    mov [rax], rdx
    mov [rax + 8], r8
    mov [rax + 24], r11
    mov r11d, [r9]
    mov [rax + 16], r11d
    mov r11d, ecx
    shl r11d, 8
    or r11d, esi
    mov [rax + 20], r11d
    add rax, 32
    mov [r10], rax
    cmp esi, 17
    jne 5f
    mov rax, rdx
    sub rax, [r9 + 112]
    cmp rax, [r9 + 120]
    jb 4f
    mov rax, rdx
    sub rax, [r9 + 64]
    cmp rax, 8
    jge 5f
    mov r11d, ecx
    add r11, rax
    jle 5f
    test rax, rax
    jne 4f
    cmp ecx, 8
    jne 4f
    test r8, r8
    jz 5f
    mov rax, r8
    shr rax, 5
    and eax, 63
    mov r11, [r9 + 72]
    cmp [r11 + rax * 8], r8
    je 5f
4:  cmp dword ptr [r9 + 4], 0
    jne 5f
    mov eax, [r9]
    mov [r9 + 88], eax
    mov dword ptr [r9], 0
    mov dword ptr [r9 + 4], 4
5:  ret
8:  cmp eax, 4096
    ja 9f
    cmp ecx, 8
    jne 1b
9:  jmp [r9 + 96]

# void start_thunk(void): uc_emu_start(uc, startIp, 0, 0, 0) for the CPU whose control block is noted
# in the page after this one; its result goes into the block. A call without arguments costs JavaScript
# 40 ns less, one without a result another 10.
    .p2align 4
    .globl start_thunk
    .set current, code_thunk + 4096
start_thunk:
    push rbx
    mov rbx, qword ptr [rip + current]
    mov rdi, [rbx + 128]
    mov rsi, [rbx + 136]
    xor edx, edx
    xor ecx, ecx
    xor r8d, r8d
    call [rbx + 144]
    mov [rbx + 152], eax
    pop rbx
    ret
