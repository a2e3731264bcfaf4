/* refs.pml - references to one task: a signed count at home, a biased count in the word, handles that are passed on
 * between home and two threads elsewhere and dropped anywhere; the end of the task at any moment; 2 incarnations.
 * The rule: the sum decides; elsewhere posts MERGE when the shared part falls to the bias or below; home never stays
 * below zero: it merges the shared part first. -DSTRAY: one unref too many, elsewhere or at home.              */
#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef OPS
#define OPS 3
#endif
#define BIAS 8
byte gen = 1, shared = BIAS; bit FREE = 0, POSTED = 0, MERGE = 0;       /* task word */
bit inbox = 0; byte owner = 0, frees = 0;
byte have[3] = 0, bag = 0;                        /* ghosts: handles of generation 1 held by home (0), elsewhere (1, 2) */
inline push(won) { if :: won -> atomic { assert(!inbox && POSTED); inbox = 1; won = 0 } :: else fi }
inline alive() { assert(gen == 1 && !FREE) }
inline unref_elsewhere() {
  atomic { if :: gen == 1 && !FREE -> assert(shared > 0); shared--;
#if MUTANT == 1
                 if :: shared == BIAS ->          /* posts at the bias only */
#else
                 if :: shared <= BIAS ->
#endif
                       MERGE = 1; won = !POSTED; POSTED = 1; if :: won -> owner = gen :: else fi
                    :: else fi
              :: else fi };
  push(won)
}
#ifdef STRAY
#define HELD(k) (gen == 1 && !FREE)
#else
#define HELD(k) true
#endif
proctype Elsewhere(byte k) { byte ops = 0; bit won = 0;
  do
  :: have[k] > 0 && ops < OPS -> ops++;                                 /* ref, unref, or pass a handle on */
     if :: atomic { HELD(k) -> alive(); shared++; have[k]++ }
        :: atomic { have[k]--; have[0]++ }
        :: atomic { have[k]--; have[3 - k]++ }
        :: skip
     fi
  :: atomic { have[k] > 0 -> have[k]-- }; unref_elsewhere()
  :: have[k] == 0 && (have[0] + have[1] + have[2] == 0 || frees > 0) -> break
  od
}
inline merge() { refs = refs + shared - BIAS; shared = BIAS }
inline try_free() {
#if MUTANT == 2
  f = done && !POSTED && refs + shared - BIAS <= 0;
  if :: f -> atomic { gen++; FREE = 1; shared = BIAS; refs = 0; POSTED = 0; MERGE = 0; done = 0; frees++ } :: else fi
#else
#if MUTANT == 4
  atomic { if :: done && !POSTED && refs <= 0 ->                        /* looks at home's part only */
#else
  atomic { if :: done && !POSTED && refs + shared - BIAS <= 0 ->
#endif
                 gen++; FREE = 1; shared = BIAS; refs = 0; done = 0; frees++
              :: else fi }
#endif
}
inline unref_home() {
  if :: gen == 1 ->                                                     /* a load: home alone recycles */
        atomic { refs--;
#if MUTANT != 3
        if :: refs < 0 -> merge(); if :: refs < 0 -> refs++ :: else fi :: else fi      /* below zero now: one too many, EBADF */
#endif
        };
        if :: refs <= 0 -> try_free() :: else fi
     :: else fi
}
proctype Home() { byte ops = 0; bit done = 0, f; short refs = 1;
  do
  :: frees == 1 -> break
  :: frees == 0 && !done -> done = 1; try_free()
  :: frees == 0 && inbox -> inbox = 0;
     atomic { assert(POSTED && owner == gen); POSTED = 0; MERGE = 0; merge() };
     try_free()
  :: frees == 0 && have[0] > 0 && ops < OPS -> ops++;
     if :: atomic { HELD(0) -> alive(); refs++; have[0]++ }
        :: atomic { have[0]--; have[1]++ }
        :: skip
     fi
  :: atomic { frees == 0 && have[0] > 0 -> have[0]-- }; unref_home()
#ifdef STRAY
  :: atomic { frees == 0 && !bag -> bag = 1 }; if :: unref_home() :: skip fi
#endif
  od;
#ifndef STRAY
  assert(have[0] + have[1] + have[2] == 0 && refs == 0);
#endif
  assert(gen == 2 && FREE && shared == BIAS);
  have[0] = 0;
  atomic { FREE = 0; refs = 1 };                                        /* next incarnation, its handle stays at home */
  done = 1; refs--;
  try_free();
  if :: inbox -> assert(false) :: else fi;
  assert(frees == 2)
}
#ifdef STRAY
proctype Stray() { bit won = 0; unref_elsewhere() }
#endif
init { atomic { have[0] = 1; run Home(); run Elsewhere(1); run Elsewhere(2);
#ifdef STRAY
  run Stray()
#endif
  } }
