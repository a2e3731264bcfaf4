/* join.pml - joins from elsewhere: a request on the process-wide list stands for the joiner, the exchange of its state
 * decides between answer and abandonment; targets of two homes, homes that leave, slot reuse.
 * Joiner (with its own home): takes a shared reference, looks at the state, pushes its request, sends JOIN, waits for
 * WAKE (box). Its deadline or cancel abandons the request; a canceled one cancels the target and joins again.
 * Target 0 lives at home 0, target 1 at home 1, which may leave when its task has ended: then the task is homeless and
 * whoever changes its word looks after it. Joiner 0 joins target 0, joiner 1 target 1; -DSAME: both target 0.
 * -DPREPARED: the last target is never launched, another thread discards it, before or after its home has left.
 * -DSTRAY: one unref too many on target 0 (-DTWO: two), whose slot has a second life that belongs to nobody.
 * -DSMALL: joiner 0 has no deadline, joiner 1 is canceled for sure.                                 */
#ifndef MUTANT
#define MUTANT 0
#endif
#define BIAS 8
#define OLD 7
#define NEW 9
#define CANC 6        /* result of a task that was discarded */
#define LATE 3
#define EBADF 5
#define NOBODY 7      /* looks at requests on behalf of no home */
#define S_FREE 0
#define S_RUN 1
#define S_PREP 2
#define S_DONE 3
#define PENDING 0
#define ANSWERED 1
#define ABANDONED 2
#ifdef SAME
#define TARGET(j) 0
#define LAST 0
#else
#define TARGET(j) (j)
#define LAST 1
#endif
#ifdef PREPARED
#define EXPECTED (TARGET(self) == LAST -> CANC : OLD)
#else
#define EXPECTED OLD
#endif
#define JOINER(r) ((r) >> 1)                                /* a canceled joiner makes a second request */
#define T TARGET(JOINER(r))
byte gen[2] = 1, shared[2] = BIAS;                          /* ---- words of the targets ---- */
bit FREE[2], POSTED[2], CANCEL[2], JOIN[2];               /* INTERRUPT goes with CANCEL, MERGE with POSTED */
byte state[2] = S_RUN, result[2], home[2]; short refs[2] = 1;     /* home: 0 is nobody */
bit inode[2], closed[2];                                    /* the target's node is in its home's inbox; inbox closed */
byte attached[2];                                           /* requests at the target: set of numbers */
byte list = 0;                                              /* the list of requests: pushed by CAS, taken by exchange */
byte status[4], answer_of[4]; bit box[2];                   /* requests; message WAKE to the joiner */
bit alloc[4], waits[2], cancels[2], patient[2], endless[2];      /* ghosts */
#if MUTANT == 18
#define NOT_A_JOINER byte self = 2;
#else
#define NOT_A_JOINER
#endif
#define SET(r) (1 << (r))
#define LOWEST(m) ((m) & 1 -> 0 : ((m) & 2 -> 1 : ((m) & 4 -> 2 : 3)))
#define LIVE(t) (gen[t] == 1 && !FREE[t])

inline touch(r) { assert(alloc[r] == 1) }
inline free_request(r) { atomic { touch(r); alloc[r] = 0; status[r] = 0; answer_of[r] = 0 } }
inline push_request(r) { atomic { touch(r); assert((list & SET(r)) == 0); list = list | SET(r) } }
inline take_list() { atomic { todo = todo | list; list = 0 } }
inline wake(j) { atomic { assert(waits[j] && !box[j]); box[j] = 1 } }
inline answer(value) {
#if MUTANT == 2
  touch(r); answer_of[r] = value; status[r] = ANSWERED; ok = 1;                   /* a plain store */
#else
  atomic {
#if MUTANT != 4
    touch(r); answer_of[r] = value;
#endif
    touch(r); ok = status[r] == PENDING; if :: ok -> status[r] = ANSWERED :: else fi };
#endif
#if MUTANT == 18
  if :: ok && JOINER(r) == self -> box[self] = 0            /* made ready while it runs: its park forgets it */
     :: ok && JOINER(r) != self -> wake(JOINER(r))
#else
  if :: ok -> wake(JOINER(r))                               /* the last touch: the joiner frees the request */
#endif
     :: else -> free_request(r) fi;
#if MUTANT == 4
  touch(r); answer_of[r] = value;                                                 /* result stored after the message */
#endif
  ok = 0 }
/* The worker is gone: who turned POSTED on settles the word. What is under homeless_lock is in one atomic; the state
 * is read between load and exchange, and a discarder stores it before its JOIN.                                  */
inline settle(t) {
  atomic { assert(home[t] == 0 && POSTED[t]); s = state[t];
    if :: JOIN[t] -> look = 1 :: else fi;
    POSTED[t] = 0; JOIN[t] = 0;
#if MUTANT != 19
    if :: s == S_DONE -> due = due | attached[t]; attached[t] = 0 :: else fi;
#endif
    if :: s == S_DONE && shared[t] <= BIAS -> gen[t]++; FREE[t] = 1; shared[t] = BIAS; CANCEL[t] = 0; state[t] = S_FREE; assert(attached[t] == 0)
       :: else fi;
    s = 0 };
  if :: look -> look = 0; take_list() :: else fi }
inline deliver(t) {
  if :: won -> won = 0;
        if :: home[t] == 0 -> settle(t)
           :: home[t] != 0 ->
              if :: atomic { !closed[t] -> assert(!inode[t] && POSTED[t]); inode[t] = 1 }
                 :: closed[t] -> home[t] == 0; settle(t) fi
        fi
     :: else fi }
inline set_posted(t) { won = !POSTED[t]; POSTED[t] = 1 }
/* Leaves JOIN; who finds the target's life over takes the list itself. */
inline send_join(t) {
#if MUTANT == 16
  atomic { JOIN[t] = 1; set_posted(t) };                    /* no look at the generation */
#else
  atomic { if :: LIVE(t) -> JOIN[t] = 1; set_posted(t) :: else -> look = 1 fi };
#if MUTANT != 17
  if :: look -> look = 0; take_list() :: else fi;
#else
  look = 0;                                                 /* it waits, and nobody was told */
#endif
#endif
  deliver(t) }
inline send_cancel(t) {
  atomic { if :: LIVE(t) -> CANCEL[t] = 1; set_posted(t) :: else fi };
  deliver(t) }
inline unref(t) {
  atomic { if :: LIVE(t) -> assert(shared[t] > 0); shared[t]--;
                 if :: shared[t] <= BIAS -> set_posted(t) :: else fi
              :: else fi };
  deliver(t); work(NOBODY) }
inline drop_one(t, n) {
  if :: (attached[t] & SET(n)) && status[n] == ABANDONED -> free_request(n); attached[t] = attached[t] & ~SET(n) :: else fi }
inline drop_abandoned(t) { atomic { drop_one(t, 0); drop_one(t, 1); drop_one(t, 2); drop_one(t, 3) } }
/* All requests that were taken; `h` looks. */
inline work(h) {
  do
  :: due != 0 -> atomic { r = LOWEST(due); due = due & ~SET(r) }; answer(CANC)
  :: due == 0 && todo != 0 ->
     atomic { r = LOWEST(todo); todo = todo & ~SET(r); touch(r) };
     if
     :: status[r] == ABANDONED -> free_request(r)
     :: else ->
        if :: gen[T] != 1 -> answer(EBADF)                  /* for ever: generations only grow */
           :: else ->
              if
              :: home[T] == h + 1 ->                        /* mine: all plain, the generation stays */
                 if
                 :: gen[T] != 1 -> answer(EBADF)
                 :: gen[T] == 1 && state[T] == S_DONE -> answer(result[T])
                 :: gen[T] == 1 && state[T] != S_DONE -> touch(r); assert(home[T] == h + 1);
                    drop_abandoned(T); attached[T] = attached[T] | SET(r)
                 fi
              :: home[T] == 0 ->                            /* under homeless_lock */
#if MUTANT == 20
                 s = state[T];                              /* outside */
                 atomic { if :: s == S_DONE -> k = result[T]
                             :: else -> attached[T] = attached[T] | SET(r); k = 0 fi };
                 s = 0;
#elif MUTANT == 10
                 atomic { if :: state[T] == S_DONE -> k = result[T]         /* whatever life it is */
                             :: else -> attached[T] = attached[T] | SET(r); k = 0 fi };
#else
                 atomic { if :: gen[T] != 1 -> k = EBADF
                             :: gen[T] == 1 && state[T] == S_DONE -> k = result[T]
                             :: gen[T] == 1 && state[T] != S_DONE -> touch(r); drop_abandoned(T); attached[T] = attached[T] | SET(r); k = 0 fi };
#endif
                 if :: k != 0 -> answer(k) :: else fi;
                 k = 0
              :: home[T] != 0 && home[T] != h + 1 ->        /* another home's: passed on */
#if MUTANT == 7
                 skip                                       /* dropped */
#elif MUTANT == 8
                 push_request(r)                            /* nobody told */
#elif MUTANT == 9
                 send_join(T); push_request(r)              /* told before it lies there */
#else
                 push_request(r);
#if MUTANT == 11
                 touch(r);                                  /* looks at the request after the push */
#endif
                 send_join(T)
#endif
              fi
        fi
     fi
  :: due == 0 && todo == 0 -> break
  od;
  r = 0 }
inline abandon(r) {
#if MUTANT == 3
  touch(r); ok = status[r] == PENDING; if :: ok -> status[r] = ABANDONED :: else fi       /* load and plain store */
#else
  atomic { touch(r); ok = status[r] == PENDING;
           if :: ok -> status[r] = ABANDONED; waits[self] = 0 :: else fi }
#endif
#if MUTANT == 5
  ; if :: ok -> free_request(r) :: else fi                  /* the holder frees it too */
#elif MUTANT == 6
  ; ok = 1                                                  /* leaves although the answer is on its way */
#endif
  ; if :: ok -> waits[self] = 0 :: else fi }

proctype Joiner(byte self) { byte res = 0, todo = 0, due = 0, r, s, k, mine; bit ok, won, look, again = 0, tried = 0, asked = 0;
#define TJ TARGET(self)
  mine = 2 * self;
  atomic { if :: LIVE(TJ) -> ok = 1; shared[TJ]++ :: else -> ok = 0 fi };
#ifndef STRAY
  assert(ok);                                               /* it owns a reference */
#endif
  if
  :: !ok -> res = EBADF
  :: else -> ok = 0;
     if
     :: state[TJ] == S_DONE -> res = result[TJ]
     :: else ->
        do
        :: res != 0 -> break
        :: res == 0 ->
           atomic { alloc[mine] = 1; asked = 1; status[mine] = PENDING; waits[self] = 1 };
#if MUTANT == 1
           send_join(TJ); push_request(mine); work(NOBODY); /* told before it lies there */
#else
           push_request(mine);
           send_join(TJ); work(NOBODY);
#endif
#if MUTANT == 12
           if :: !again -> unref(TJ) :: else fi;            /* the reference goes before the answer has come */
#endif
           do
           :: box[self] -> atomic { box[self] = 0; waits[self] = 0; touch(mine); res = answer_of[mine] };
              free_request(mine); break
           :: !tried && !again && !cancels[self] && !patient[self] -> tried = 1; abandon(mine);
              if :: ok -> ok = 0; res = LATE; break :: else fi
           :: !tried && !again && cancels[self] -> tried = 1; abandon(mine);
              if :: ok -> ok = 0; again = 1; mine++; break :: else fi
           od;
           if :: again && res == 0 -> send_cancel(TJ); work(NOBODY) :: else fi
        od
     fi;
#if MUTANT != 12
     unref(TJ)                                              /* the shared one */
#endif
  fi;
#ifndef STRAY
  assert(res == EXPECTED || (res == LATE && tried && !again));
  assert(LIVE(TJ));                                         /* its handle still holds it */
#else
  assert(TJ == 0 || res == OLD || (res == LATE && tried && !again));
  assert(res == OLD || res == EBADF || res == NEW || res == LATE);
  assert(res != NEW || !asked);               /* an answer is never of another life; a look may be */
#endif
  atomic { res = 0; mine = 0; again = 0; tried = 0; asked = 0 };
  unref(TJ)                                                 /* its handle */
}
#ifdef STRAY
proctype Stray() { byte todo = 0, due = 0, r, s, k; bit ok, won, look; NOT_A_JOINER
  unref(0);
#ifdef TWO
  unref(0);
#endif
}
#endif
#ifdef PREPARED
proctype Discarder() { byte todo = 0, due = 0, r, s, k; bit ok, won, look; NOT_A_JOINER
  state[LAST] = S_DONE;                                      /* exchanged for `prepared` */
#if MUTANT != 21
  atomic { assert(LIVE(LAST)); JOIN[LAST] = 1; set_posted(LAST) };
  deliver(LAST); work(NOBODY);
#endif
  unref(LAST)                                               /* the maker's reference */
}
#endif
inline try_free(t) {
  atomic { if :: state[t] == S_DONE && !POSTED[t] && refs[t] + shared[t] - BIAS <= 0 ->
                 gen[t]++; FREE[t] = 1; shared[t] = BIAS; CANCEL[t] = 0; refs[t] = 0;
                 assert(attached[t] == 0); f = 1
              :: else fi };
  if :: f -> state[t] = S_FREE; f = 0 :: else fi }
inline answer_attached(t, v) {
  do :: attached[t] != 0 -> atomic { r = LOWEST(attached[t]); attached[t] = attached[t] & ~SET(r) }; answer(v)
     :: attached[t] == 0 -> break od;
  r = 0 }
inline drain(t) {
  atomic { inode[t] = 0; assert(POSTED[t]); POSTED[t] = 0; j = JOIN[t]; if :: CANCEL[t] && state[t] == S_RUN -> stop = 1 :: else fi;
           JOIN[t] = 0; refs[t] = refs[t] + shared[t] - BIAS; shared[t] = BIAS };
  if :: j -> j = 0; take_list(); work(t);
#if MUTANT != 22
        if :: state[t] == S_DONE -> answer_attached(t, CANC) :: else fi          /* discarded meanwhile */
#endif
     :: else fi;
  try_free(t) }
proctype Home(byte t; bit leaves) { byte todo = 0, due = 0, r, s, k, inc = 1; bit ok, won, look, j, stop, f; NOT_A_JOINER
again:
  do
  :: inode[t] -> drain(t)
  :: !inode[t] && gen[t] == inc && state[t] == S_RUN && (stop || inc == 2 || !endless[t]) -> break
  :: state[t] == S_PREP -> goto leave                       /* discarded by somebody, if not here then without a home */
  :: state[t] == S_DONE || gen[t] > inc -> goto ended
  od;
  answer_attached(t, (inc == 1 -> OLD : NEW));              /* its function is done */
  result[t] = (inc == 1 -> OLD : NEW);
  state[t] = S_DONE;
  try_free(t);
ended:
  do
  :: gen[t] > inc -> break
  :: inode[t] -> drain(t)
  :: leaves && gen[t] == inc -> goto leave
  od;
  assert(FREE[t] && !POSTED[t] && state[t] == S_FREE);
#ifdef STRAY
  if :: t == 0 && inc == 1 ->                               /* next life; nobody holds it after its end */
        inc = 2; state[t] = S_RUN; refs[t] = 0;
        assert(!POSTED[t] && !JOIN[t] && !inode[t] && shared[t] == BIAS);
        FREE[t] = 0;                                        /* the word, by a plain store */
        goto again
     :: else fi;
#endif
  goto over;
leave:
#if MUTANT == 13
  home[t] = 0;                                              /* before its count has moved */
  atomic { shared[t] = shared[t] + refs[t]; refs[t] = 0 };
#else
  atomic { shared[t] = shared[t] + refs[t]; refs[t] = 0 };
  home[t] = 0;
#endif
  do
  :: inode[t] -> inode[t] = 0;                              /* mail for a task that has no home any more */
#if MUTANT != 14
     settle(t); work(NOBODY)
#endif
  :: atomic { !inode[t] -> closed[t] = 1 }; break
#if MUTANT == 15
  :: closed[t] = 1; break                                   /* mail left behind */
#endif
  od;
over: atomic { leaves = 0; stop = 0; inc = 0 }
}
proctype Check() { timeout ->
  assert(list == 0 && !alloc[0] && !alloc[1] && !alloc[2] && !alloc[3]);
  assert(FREE[0] && !POSTED[0] && !inode[0] && attached[0] == 0);
#ifndef SAME
  assert(FREE[1] && !POSTED[1] && !inode[1] && attached[1] == 0 && gen[1] == 2);
#endif
#ifdef STRAY
  assert(gen[0] == (home[0] == 0 -> 2 : 3))
#else
  assert(gen[0] == 2)
#endif
}
init { atomic {
  home[0] = 1; home[1] = 2;
#ifdef SAME
  refs[0] = 2; cancels[1] = 1;                              /* one has a deadline, the other is canceled */
  if :: endless[0] = 1 :: endless[0] = 0 fi;
  run Home(0, 1);
#else
#ifdef SMALL
  cancels[1] = 1; patient[0] = 1;                           /* joiner 0 without a deadline */
#else
  if :: cancels[1] = 1 :: cancels[1] = 0 fi;
#endif
  if :: cancels[1] -> endless[1] = 1 :: endless[1] = 0 fi;
#ifdef PREPARED
  cancels[1] = 0;
#endif
  run Home(0, 0); run Home(1, 1);
#endif
#ifdef PREPARED
  state[LAST] = S_PREP; result[LAST] = CANC; endless[LAST] = 0; refs[LAST] = refs[LAST] + 1;
  run Discarder();
#endif
  run Joiner(0);
  run Joiner(1);
#ifdef STRAY
  run Stray();
#endif
  run Check() } }
