/* task.pml - one task slot over two incarnations and its home worker, with the folded 64-bit task word.
 * Word (every atomic block on it is one compare-exchange, or at home one fetch_and):
 *   gen | shared references (biased) | CANCEL POSTED FREE and the messages UNPARK INTERRUPT MERGE LAUNCH.
 * All else of the task (state, token, timer, references counted at home) is plain memory of home.
 * Threads: home (worker and task), kernel, pool thread, 2 cancelers, 2 unparkers, a holder elsewhere, a stray unref,
 * a spawner elsewhere (second incarnation). Handles of generation 2 are also guessed while the slot is free.
 * Default: all but the stray and the second reference. -DSMALL: no pool thread, 1 unparker. -DPOOL: with the pool
 * thread, 1 canceler. -DREFS: stray unref, a holder who makes references; no pool thread, 1 canceler.      */
#if defined(SMALL) || defined(REFS)
#define NOPOOL
#endif
#ifndef MUTANT
#define MUTANT 0
#endif
#define EMPTY  0
#define TNODE  1      /* the task's one node */
#define ONODE  2      /* the operation's node: finish from a pool thread */
#define PARKED 8      /* inbox empty and the worker sleeps */
#define CLOSED 9
#define NONE 0
#define DATA 1
#define CANC 2
#define TIME 3
#define S_FREE 0
#define S_NEW 1
#define S_READY 2
#define S_DONE 3
#define S_OP 4
#define S_PARK 5
#define BIAS 4

byte head = EMPTY, next[3], efd = 0;      /* inbox word, node links, eventfd count */
bit  dead = 0; byte owed = 0;             /* worker memory gone; promised eventfd writes */
byte gen = 1, shared = BIAS;              /* ---- task word ---- */
bit  FREE = 0, POSTED, CANCEL, UNPARK, INTERRUPT, MERGE, LAUNCH;
byte start_refs = 0, start_state = 0;     /* fields that a spawner elsewhere fills in before the word */
byte op = 0;       /* 0 idle 1 submitted 2 cancel asked 3 ended 4 runs on a pool thread */
byte opres = NONE; bit pool = 0, cq = 0, nofin = 0, effect = 0;
/* ghosts */
bit inbox[3], pending[4]; byte owner = 0, frees = 0; bit given = 0;

inline push(n, w) {                       /* one release compare-exchange in a loop */
  atomic { assert(!dead && head != CLOSED && !inbox[n]); inbox[n] = 1;
    if :: head == PARKED -> next[n] = EMPTY; w = 1
       :: else           -> next[n] = head;  w = 0 fi;
    head = n }
}
inline wake(w) { if :: w -> atomic { assert(!dead); efd++; w = 0 } :: else fi }
inline set_posted(won) { won = !POSTED; POSTED = 1; if :: won -> owner = gen :: else fi }
inline pushed(won, w) { if :: won -> won = 0; push(TNODE, w) :: else fi; wake(w) }
#if MUTANT == 13
#define MINE(g) (gen == g)                /* does not look at FREE */
#else
#define MINE(g) (gen == g && !FREE)
#endif
#if MUTANT == 3
#define NOT_POSTED true                   /* ignores that the node is in the inbox */
#else
#define NOT_POSTED !POSTED
#endif

proctype Canceler(byte g) { bit w = 0, won = 0;
  if :: g == 0 -> if :: g = 1 :: g = 2 fi :: else fi;
#if MUTANT == 12
  if :: MINE(g) -> atomic { CANCEL = 1; INTERRUPT = 1; pending[g] = 1; set_posted(won) }     /* loads, then ORs */
     :: else fi;
#else
  atomic { if :: MINE(g) -> CANCEL = 1; INTERRUPT = 1; pending[g] = 1; set_posted(won) :: else fi };
#endif
  g = 0;
  pushed(won, w)
}
proctype Unparker(byte g) { bit w = 0, won = 0;
  (gen == g && !FREE) || gen > g;                          /* the call starts when the handle exists */
  atomic { if :: MINE(g) -> UNPARK = 1; set_posted(won) :: else fi };
  pushed(won, w)
}
inline unref_elsewhere(g) {
  atomic { if :: MINE(g) -> assert(shared > 0); shared--;
                 if :: shared <= BIAS ->
#if MUTANT == 15
                       skip                                /* posts nothing */
#else
                       MERGE = 1; set_posted(won)
#endif
                    :: else fi
              :: else fi };
  pushed(won, w)
}
proctype Holder() { bit w = 0, won = 0;                    /* owns the one reference of generation 1 */
#ifdef REFS
  if :: atomic { MINE(1) -> shared++ }; unref_elsewhere(1) /* ref, unref */
     :: skip fi;
#endif
  unref_elsewhere(1)
}
proctype Stray(byte g) { bit w = 0, won = 0;               /* one unref too many, perhaps with a guessed handle */
  if :: g = 1 :: g = 2 fi;
  unref_elsewhere(g); g = 0
}
proctype Spawner() { bit w = 0, won = 0;                   /* got a free slot from home; nobody else may change its word */
  atomic { given -> given = 0; start_refs = 1; start_state = S_NEW };
  atomic { assert(FREE && !POSTED); FREE = 0; shared = BIAS; CANCEL = 0 };       /* release store: from here others see it */
#if MUTANT == 17
  atomic { LAUNCH = 1; POSTED = 1; owner = gen; won = 1 };                       /* as if no message could come before */
#else
  atomic { LAUNCH = 1; set_posted(won) };
#endif
  pushed(won, w)
}
proctype Kernel() {
end: do
  :: atomic { op == 1 && !pool && !nofin -> op = 3; opres = DATA; effect = 1; cq = 1 }
  :: atomic { op == 2 && !pool -> op = 3; if :: opres = CANC :: opres = DATA; effect = 1 fi; cq = 1 }
  od
}
proctype Pool() { bit w = 0;
end: do
  :: atomic { op == 1 && pool && !nofin -> op = 4 };       /* taken from the queue: runs */
     atomic { opres = DATA; effect = 1 };
     push(ONODE, w); wake(w)                               /* the last touch of the operation is the push */
  od
}

inline backend_cancel() {                 /* home only, once per operation */
  opcancel = 1;
  if :: op == 1 && pool -> op = 3; opres = CANC; cq = 1    /* withdrawn from the pool's queue */
     :: op == 1 && !pool -> op = 2
     :: else fi
}
inline deliver() { atomic { assert(CANCEL && !shield && pending[inc]); CANCEL = 0; pending[inc] = 0 } }   /* fetch_and */
inline try_free() {                       /* one compare-exchange of the whole word; a failed one looks again */
#if MUTANT == 11
  atomic { f = state == S_DONE && !POSTED && refs + shared - BIAS <= 0 };
  if :: f -> atomic { gen++; FREE = 1; shared = BIAS; CANCEL = 0; POSTED = 0; refs = 0; state = S_FREE; frees++ } :: else fi
#else
  atomic { if :: state == S_DONE && refs + shared - BIAS <= 0 && NOT_POSTED ->
                    gen++; FREE = 1; shared = BIAS; CANCEL = 0; UNPARK = 0; INTERRUPT = 0; MERGE = 0; POSTED = 0;
                    refs = 0; state = S_FREE; frees++
              :: else fi }
#endif
}
inline read_bits() { c = CANCEL; i = INTERRUPT; u = UNPARK; l = LAUNCH }
inline clear_bits() { refs = refs + shared - BIAS; shared = BIAS; INTERRUPT = 0; UNPARK = 0; MERGE = 0; LAUNCH = 0 }
inline act() {
  atomic {
    if :: l -> assert(start_state == S_NEW); state = S_READY; refs = refs + start_refs; start_refs = 0; start_state = 0 :: else fi;
    if :: u && state == S_PARK -> woken = 1; state = S_READY
       :: u && state != S_PARK && state != S_DONE -> token = 1
       :: else fi;
#if MUTANT == 16
    if :: i && !shield && state == S_OP && !opcancel -> backend_cancel()       /* does not look whether CANCEL stands */
       :: i && !shield && state == S_PARK -> state = S_READY
#else
    if :: i && c && !shield && state == S_OP && !opcancel -> backend_cancel()
       :: i && c && !shield && state == S_PARK -> state = S_READY
#endif
       :: else fi;
    c = 0; i = 0; u = 0; l = 0 }
}
inline pop() {
#if MUTANT == 10
  atomic { assert(POSTED && owner == gen); read_bits() };
  act();
  atomic { POSTED = 0; clear_bits() };                     /* what came meanwhile is gone */
#elif MUTANT == 14
  atomic { assert(POSTED && owner == gen); read_bits(); clear_bits() };
  POSTED = 0;                                              /* a second step */
  act();
#else
  atomic { assert(POSTED && owner == gen); read_bits(); POSTED = 0; clear_bits() };   /* one compare-exchange */
  act();
#endif
  try_free()
}
inline drain() {
#if MUTANT == 9
  atomic { chain = head; head = EMPTY;                     /* does not count the promised write */
#else
  atomic { chain = head; head = EMPTY; if :: slept && chain != PARKED -> owed++ :: else fi; slept = 0;
#endif
           if :: chain == PARKED -> chain = EMPTY :: else fi };
  do
  :: chain == EMPTY -> break
  :: else ->
     atomic { n = chain;
#if MUTANT != 2
              chain = next[n];
#endif
              inbox[n] = 0 };
     if
     :: n == ONODE -> atomic { assert(state == S_OP); op = 3; state = S_READY }
     :: n == TNODE -> pop()
     fi;
#if MUTANT == 2
     chain = next[n];
#endif
  od;
  n = 0
}
inline run_until(cond) {
  do
  :: cond -> break
  :: !(cond) && cq -> atomic { cq = 0; assert(state == S_OP); state = S_READY }
  :: !(cond) && head != EMPTY -> drain()
  :: !(cond) && armed -> atomic { armed = 0; timedout = 1;
     if :: state == S_OP && !opcancel -> backend_cancel()
        :: state == S_PARK -> state = S_READY
        :: else fi }
  :: !(cond) && efd > 0 -> atomic { assert(owed >= efd); owed = owed - efd; efd = 0 }
  :: !(cond) && head == EMPTY && !cq ->
#if MUTANT == 6
     head = PARKED;                                        /* store instead of a compare-exchange */
     slept = 1;
     (efd > 0 || cq || armed);
#else
     if :: atomic { head == EMPTY -> head = PARKED; slept = 1 }; (efd > 0 || cq || armed)
        :: atomic { head != EMPTY -> skip }
     fi;
#endif
     drain()
  od
}

proctype Home() { byte inc = 1, chain, n, r; bit c, i, u, l, f, slept = 0, kept;
  byte state = S_READY; short refs = 1;                    /* the task's plain memory */
  bit token = 0, woken = 0, shield = 0, armed = 0, timedout = 0, opcancel = 0;
  do
  :: inc > 2 -> break
  :: else ->
     /* ---- an operation with a deadline ---- */
     atomic { if :: shield = 1 :: shield = 0 fi;
#ifdef NOPOOL
              pool = 0;
#else
              if :: pool = 0 :: pool = 1 fi;
#endif
              nofin = 0; if :: inc == 1 && !shield -> nofin = 1 :: skip fi; }
     if :: CANCEL && !shield -> deliver(); r = CANC
        :: else ->
#if MUTANT == 1
           if :: head != EMPTY -> drain() :: else fi;      /* inbox drained between the look and the wait record */
#endif
           atomic { state = S_OP; timedout = 0; opcancel = 0; effect = 0; opres = NONE; op = 1;
                    if :: !nofin -> armed = 1 :: armed = 0 fi }
           run_until(state == S_READY);
           atomic { armed = 0; op = 0; opcancel = 0 };
#if MUTANT == 4
           if :: CANCEL && !shield -> deliver(); r = CANC
              :: else -> r = opres fi;
#elif MUTANT == 8
           if :: timedout -> r = TIME
              :: else -> r = opres; if :: r == CANC -> deliver() :: else fi fi;
#else
           if :: opres == DATA -> r = DATA
#if MUTANT == 5
                 ; atomic { CANCEL = 0 }
#endif
              :: opres == CANC && CANCEL && !shield -> deliver(); r = CANC
              :: else -> assert(timedout); r = TIME fi;
#endif
           assert((r == DATA) == effect)                   /* no effect or no cancel */
     fi;
     atomic { shield = 0; timedout = 0; effect = 0; opres = NONE; nofin = 0; pool = 0; r = 0;
              assert(!pending[inc] || CANCEL) };           /* a request is pending or delivered, none swallowed */
     /* ---- park ---- */
#ifdef SMALL
     if :: inc == 1 -> skip
        :: inc == 2 && CANCEL -> deliver()
#else
     if :: CANCEL -> deliver()
#endif
        :: else ->
           if :: token -> token = 0
              :: else ->
                 atomic { state = S_PARK; woken = 0; timedout = 0; armed = inc == 2 };
                 run_until(state == S_READY);
                 armed = 0;
                 if :: woken -> skip
                    :: !woken && CANCEL -> deliver()
                    :: else -> assert(timedout) fi         /* no spurious return */
           fi
     fi;
     atomic { woken = 0; timedout = 0; assert(!pending[inc] || CANCEL) };
     /* ---- end; the handle of the second incarnation is dropped at home, before or after ---- */
     kept = inc == 2;
     if :: kept -> if :: gen == inc -> refs--; kept = 0 :: skip fi :: else fi;
     state = S_DONE;
     if :: refs <= 0 -> try_free() :: else fi;             /* the fast way out is the same compare-exchange, built, not loaded */
     if :: kept && gen == inc -> refs--; try_free() :: else fi;
     kept = 0;
     run_until(gen == inc + 1);
     assert(FREE && !POSTED && state == S_FREE && frees == inc);
     atomic { pending[inc] = 0; token = 0; inc++ };
     if :: inc == 2 -> given = 1; run_until(state == S_READY) :: else fi
  od;
  /* ---- worker exit ---- */
  do :: atomic { head == EMPTY -> head = CLOSED }; break
     :: head != EMPTY && head != CLOSED -> drain() od;
#if MUTANT != 7 && MUTANT != 9
  do :: owed == 0 -> break :: owed > 0 -> efd > 0; atomic { assert(owed >= efd); owed = owed - efd; efd = 0 } od;
#endif
  dead = 1;
  assert(frees == 2 && FREE && !POSTED)
}
init { atomic { run Home(); run Spawner(); run Kernel(); run Holder();
#ifndef NOPOOL
  run Pool();
#endif
  run Canceler(1);
#if !defined(POOL) && !defined(REFS)
  run Canceler(0);
#endif
  run Unparker(2);
#ifndef SMALL
  run Unparker(1);
#endif
#ifdef REFS
  run Stray(0)
#endif
  } }
