import { describe, expect, test } from 'vitest';
import { PAGE_SIZE, TASK_SIZE } from '../../../../kernel-model/hardware/address.ts';
import { PROT_NONE, PROT_READ, PROT_WRITE } from '../../../../kernel-model/mm/mapping.ts';
import { PROFILES } from '../../../../kernel-model/rseq/registry.ts';
import { NO_ACCESS, READ_ONLY, TestMachine } from '../../harness.ts';
import {
  ABORT,
  AREA,
  BELOW,
  COUNT,
  DESCRIPTOR,
  END,
  FIRST,
  INSIDE,
  NO_RESTART,
  OTHER_AREA,
  Rig,
  SIGNATURE,
  START,
} from './rig.ts';

describe('turner-v1 [V1k, V1s]', () => {
  const rig = () => new Rig('turner-v1', 323, [1, 0, AREA]);

  test.each([
    ['start <= ip', START, ABORT],
    ['inside', INSIDE, ABORT],
    ['ip < end', END - 1, ABORT],
    ['the end', END, END],
    ['before', START - 1, START - 1],
  ])('a task found at %s', (_, from, to) => {
    expect(rig().at(from).reschedule().position).toBe(to);
  });

  test('the CPU number is stored each time; a fault is SIGSEGV', () => {
    const machine = rig().at(BELOW).migrate();
    expect(machine.memory.readU32(AREA)).toBe(1);
    const broken = new TestMachine({ profile: PROFILES['turner-v1'] });
    broken.syscall(FIRST, 323, [1, 0, READ_ONLY]);
    expect(broken.task(FIRST).state.kind).toBe('dead');
  });
});

describe('turner-v2 [V2, V2W]', () => {
  const rig = () => {
    const machine = new Rig('turner-v2', 325, [AREA, 0]).at(INSIDE).poke(AREA + 8, END);
    machine.registers(FIRST).write('rcx', BigInt(ABORT));
    machine.registers(FIRST).write('rdx', machine.memory.readU64(AREA) ?? 0n);
    return machine;
  };

  test('a task goes to rcx if another thread of the process ran there', () => {
    const machine = rig().preempt(OTHER_AREA, 0);
    expect(machine.position).toBe(ABORT);
    expect(machine.memory.readU64(AREA + 8)).toBe(0n);
  });

  test('a task that comes back with nobody in between goes on', () => {
    const machine = rig().reschedule().reschedule();
    expect(machine.position).toBe(INSIDE);
    expect(machine.memory.readU64(AREA + 8)).toBe(BigInt(END));
  });

  test('a task that comes back on another CPU goes to rcx', () => {
    expect(rig().migrate().position).toBe(ABORT);
  });

  test('{cpu, event} is written at every resume; a fault is SIGSEGV', () => {
    const machine = rig().at(END);
    machine.memory.writeU64(AREA, 0n);
    expect(machine.reschedule().memory.readU64(AREA)).toBe(1n << 32n);
    expect(rig().at(END).protect(PROT_READ).reschedule().isKilled).toBe(true);
  });

  test('nothing happens at the post-commit address, or disarmed', () => {
    expect(rig().at(END).migrate().position).toBe(END);
    expect(
      rig()
        .poke(AREA + 8, 0)
        .migrate().position,
    ).toBe(INSIDE);
  });
});

describe('lutomirski-2016 [SEED]', () => {
  const rig = (expected = 7) => {
    const machine = new Rig('lutomirski-2016', 329, [AREA, 0]).at(INSIDE);
    machine
      .poke(AREA, END, ABORT)
      .poke(AREA + 24, COUNT, expected)
      .poke(COUNT, 7);
    return machine;
  };

  test('preemption itself is not magical (claim C3)', () => {
    expect(rig().preempt(OTHER_AREA, 0).reschedule().position).toBe(INSIDE);
  });

  test('a changed event count aborts and disarms', () => {
    const machine = rig().poke(COUNT, 8).reschedule();
    expect(machine.position).toBe(ABORT);
    expect(machine.memory.readU64(AREA)).toBe(0n);
  });

  test('a bogus expected count forces an abort at the next resume (claim C4)', () => {
    expect(rig(0).reschedule().position).toBe(ABORT);
  });

  test('every resume writes the CPU number (inferred); a fault is SIGSEGV', () => {
    const machine = rig().at(END);
    machine.memory.writeU32(AREA + 16, 77);
    expect(machine.reschedule().memory.readU32(AREA + 16)).toBe(0);
    expect(machine.migrate().memory.readU32(AREA + 16)).toBe(1);
    expect(rig().protect(PROT_READ).reschedule().isKilled).toBe(true);
  });

  test('a count that cannot be read is SIGSEGV (inferred), on the expected CPU only', () => {
    const spoiled = () => rig().poke(AREA + 24, NO_ACCESS);
    expect(spoiled().reschedule().isKilled).toBe(true);
    expect(spoiled().migrate().position).toBe(ABORT);
  });

  test('another CPU aborts, beyond post_commit_rip nothing does', () => {
    expect(rig().migrate().position).toBe(ABORT);
    expect(rig(0).at(END).migrate().position).toBe(END);
  });
});

describe('desnoyers-2016a [R16a]', () => {
  const rig = () => {
    const machine = new Rig('desnoyers-2016a', 329, [AREA, 0]).poke(AREA + 8, END);
    machine.registers(FIRST).write('rcx', BigInt(ABORT));
    return machine;
  };
  const counterOf = (machine: Rig) => machine.memory.readU32(AREA + 4) ?? 0;

  test('every resume writes the CPU and advances the counter', () => {
    const machine = rig().at(END);
    const before = counterOf(machine);
    expect(counterOf(machine.reschedule().migrate())).toBe(before + 2);
    expect(machine.memory.readU32(AREA)).toBe(1);
  });

  test.each([
    ['inside', INSIDE, ABORT],
    ['far below: there is no lower bound', BELOW, ABORT],
    ['at the end', END, END],
  ])('a task found %s', (_, from, to) => {
    const machine = rig().at(from).reschedule();
    expect(machine.position).toBe(to);
    expect(machine.memory.readU64(AREA + 8)).toBe(to === ABORT ? 0n : BigInt(END));
  });

  test('an area that is read-only, or half out of reach, is SIGSEGV', () => {
    expect(rig().at(END).protect(PROT_READ).reschedule().isKilled).toBe(true);
    const torn = new Rig('desnoyers-2016a', 329, [READ_ONLY - 8, 0]);
    torn.space.protect(READ_ONLY, READ_ONLY + PAGE_SIZE, PROT_NONE);
    expect(torn.reschedule().isKilled).toBe(true);
  });

  test('a child of fork goes on with the counter of its parent (inferred)', () => {
    const machine = rig().at(END).reschedule();
    const before = counterOf(machine);
    machine.forkChild();
    expect(counterOf(machine)).toBe(before + 1);
  });

  test('the low half of rdx is compared with the new counter', () => {
    const machine = rig().at(INSIDE);
    const next = BigInt(counterOf(machine) + 1);
    machine.registers(FIRST).write('rdx', (0x1234n << 32n) | next);
    expect(machine.reschedule().position).toBe(INSIDE);
    expect(machine.reschedule().position).toBe(ABORT);
  });
});

describe('desnoyers-2016b [R16b]', () => {
  const rig = () =>
    new Rig('desnoyers-2016b', 332, [AREA, 0])
      .poke(DESCRIPTOR, START, END, ABORT)
      .poke(AREA + 8, DESCRIPTOR);
  const pointerOf = (machine: Rig) => machine.memory.readU64(AREA + 8);

  test('any resume below post_commit_ip aborts: start_ip is not used', () => {
    for (const from of [INSIDE, START, BELOW]) {
      const machine = rig().at(from).reschedule();
      expect(machine.position).toBe(ABORT);
      expect(pointerOf(machine)).toBe(0n);
    }
  });

  test('every resume writes the CPU and advances the counter; a fault is SIGSEGV', () => {
    const machine = rig().at(END);
    const before = machine.memory.readU32(AREA + 4) ?? 0;
    machine.reschedule().migrate();
    expect([AREA, AREA + 4].map((at) => machine.memory.readU32(at))).toEqual([1, before + 2]);
    expect(rig().at(END).protect(PROT_READ).reschedule().isKilled).toBe(true);
  });

  test('the pointer stays when the task is beyond', () => {
    const machine = rig().at(END).reschedule();
    expect(machine.position).toBe(END);
    expect(pointerOf(machine)).toBe(BigInt(DESCRIPTOR));
  });

  test('a descriptor that cannot be read is SIGSEGV', () => {
    expect(
      rig()
        .poke(AREA + 8, 8)
        .at(END)
        .reschedule().isKilled,
    ).toBe(true);
  });
});

describe('rfc-2017 [R17]', () => {
  const rig = (flags = 0, abort = ABORT) => {
    const machine = new Rig('rfc-2017', 333, [AREA, 32, 0, SIGNATURE]);
    machine.poke(DESCRIPTOR, BigInt(flags) << 32n, START, END - START, abort);
    return machine.poke(AREA + 8, DESCRIPTOR);
  };
  const pointerOf = (machine: Rig) => machine.memory.readU64(AREA + 8);

  test.each([
    ['at the start', START, ABORT],
    ['below: there is a lower bound', BELOW, BELOW],
    ['at the end', END, END],
  ])('the pointer is cleared at every evaluation: a task found %s', (_, from, to) => {
    const machine = rig().at(from).reschedule();
    expect(machine.position).toBe(to);
    expect(pointerOf(machine)).toBe(0n);
    expect(machine.memory.readU32(AREA)).toBe(0);
  });

  test.each([
    ['ends at the limit of user memory', TASK_SIZE - START, ABORT],
    ['ends far beyond', 2n ** 62n, ABORT],
    ['has its abort handler at the limit', END - START, TASK_SIZE],
    ['has its abort handler inside', 2n ** 40n, ABORT],
  ])('limits and overlap are not checked: a section that %s', (_, offset, abort) => {
    const machine = rig(0, abort)
      .poke(DESCRIPTOR + 16, offset)
      .at(INSIDE);
    const protection = PROT_READ | PROT_WRITE;
    const page = { start: TASK_SIZE - PAGE_SIZE, end: TASK_SIZE, protection };
    machine.space.map({ ...page, shared: false, name: 'last page' });
    machine.memory.writeU32(TASK_SIZE - 4, SIGNATURE);
    const { rseq } = PROFILES['rfc-2017'];
    const region = rseq.armedRegion(machine.kernel.rseqContext(machine.task(FIRST)));
    expect(region?.abort).toBe(abort);
    expect(machine.reschedule().position).toBe(abort);
    expect(pointerOf(machine)).toBe(0n);
  });

  test.each(['the descriptor', 'the area'])('flags of %s filter events', (place) => {
    const flagged = (flags: number) => {
      const machine = rig(place === 'the descriptor' ? flags : 0);
      if (place === 'the area') machine.memory.writeU32(AREA + 16, flags);
      return machine.at(INSIDE);
    };
    const machine = flagged(NO_RESTART.preempt).reschedule();
    expect(machine.position).toBe(INSIDE);
    // The section goes on disarmed.
    expect(pointerOf(machine)).toBe(0n);
    expect(flagged(NO_RESTART.preempt).migrate().position).toBe(ABORT);
    const { preempt, signal, migrate } = NO_RESTART;
    const kindOf = (flags: number) => {
      const rescheduled = flagged(flags);
      const context = rescheduled.kernel.rseqContext(rescheduled.task(FIRST));
      return rescheduled.kernel.profile.rseq.onSignal(context).kind;
    };
    expect([kindOf(preempt | migrate), kindOf(preempt | migrate | signal)]).toEqual([
      'aborted',
      'resumed',
    ]);
  });

  test('events are taken with the section that they find, and inherited by a child', () => {
    const machine = rig(NO_RESTART.preempt).at(INSIDE).reschedule();
    expect(machine.task(FIRST).rseqEvents).toBe(0);
    const { rseq } = machine.kernel.profile;
    rseq.onSwitchOut(machine.task(FIRST));
    machine.poke(DESCRIPTOR, BigInt(NO_RESTART.migrate) << 32n).poke(AREA + 8, DESCRIPTOR);
    machine.forkChild();
    expect(machine.position).toBe(ABORT);
  });

  test('a child that is made inside a section is aborted, as its CPU is set (inferred)', () => {
    const machine = rig().at(INSIDE);
    machine.call('fork');
    machine.run(2, 1);
    expect(machine.registers(2).instructionPointer).toBe(ABORT);
    expect(machine.position).toBe(INSIDE);
  });

  test('unregistering resets the CPU numbers (inferred); a fault is EFAULT', () => {
    const UNREGISTER = [AREA, 32, 1, SIGNATURE] as const;
    const machine = rig().at(END).migrate();
    const idsOf = () => [AREA, AREA + 4].map((at) => machine.memory.readU32(at));
    expect(idsOf()).toEqual([1, 1]);
    expect(machine.call(333, UNREGISTER)).toBe(0);
    expect(idsOf()).toEqual([0, 0xffff_ffff]);
    expect(rig().at(END).protect(PROT_READ).call(333, UNREGISTER)).toBe(-14);
  });

  test.each([
    ['all flags', 7, INSIDE, 'goes on'],
    ['NO_RESTART_ON_SIGNAL without the others', 2, INSIDE, 'is killed'],
    ['the same, far away', 2, BELOW, 'goes on'],
  ])('as in 4.18 (inferred): a task with %s', (_, flags, from, fate) => {
    const machine = rig(flags).at(from).reschedule();
    expect(machine.isKilled).toBe(fate === 'is killed');
    if (fate === 'goes on') expect(machine.position).toBe(from);
  });

  test('a version other than 0 is SIGSEGV wherever the task is, with the pointer cleared', () => {
    const machine = rig().poke(DESCRIPTOR, 1).at(BELOW).reschedule();
    expect(machine.isKilled).toBe(true);
    expect(pointerOf(machine)).toBe(0n);
  });

  test('a wrong signature is SIGSEGV wherever the task is, with the pointer cleared', () => {
    const machine = rig(0, ABORT + 4)
      .at(BELOW)
      .reschedule();
    expect(machine.isKilled).toBe(true);
    expect(pointerOf(machine)).toBe(0n);
  });
});

describe('getcpu-cache, thread-local-abi [GCC, TLA]', () => {
  test.each([
    ['getcpu-cache', 327, [1, DESCRIPTOR, 0], AREA],
    ['thread-local-abi', 329, [0, AREA, 1, 0], AREA + 4],
  ] as const)(
    '%s writes the CPU number after migrations, a fault is SIGSEGV, and aborts nothing',
    (name, number, args, word) => {
      const lost = new Rig(name, number, args).protect(PROT_NONE);
      expect([lost.reschedule().isKilled, lost.migrate().isKilled]).toEqual([false, true]);
      const machine = new Rig(name, number, args).at(INSIDE);
      machine.memory.writeU32(word, 77);
      expect(machine.reschedule().memory.readU32(word)).toBe(77);
      expect(machine.migrate().memory.readU32(word)).toBe(1);
      expect(machine.position).toBe(INSIDE);
    },
  );
});
