/* join.pml - end of a task, its joiners at home and elsewhere, references, slot reuse, with the folded task word.
 * A joiner elsewhere pins the slot in the word for the moment between the look at the generation and its post, pushes
 * its request (in its own frame) on home's list, then posts JOIN. It leaves only by home's message WAKE on its own
 * task (box here). Deadline: it sets its own mark `withdraw`, posts JOIN again and waits for home's verdict.
 * Cancel: it requests cancel of the target and stays. Results are also read without a message (peek).
 * Threads: home with a joiner of its own, 2 joiners elsewhere (each may be late or canceled), 2 peekers,
 * -DSTRAY: one unref too many and a cancel; -DTWO: two. 2 incarnations; the second belongs to nobody.                */
#ifndef MUTANT
#define MUTANT 0
#endif
#define J 2
#define BIAS 8
#define OLD 7
#define NEW 9
#define LATE 3
#define S_FREE 0
#define S_RUN 1
#define S_DONE 2
byte gen = 1, shared = BIAS, pins = 0;                      /* ---- task word ---- */
bit FREE = 0, POSTED = 0, CANCEL = 0, INTERRUPT = 0, MERGE = 0, JOIN = 0;
byte state = S_RUN, result = 0;                             /* written by home only; a peek reads them */
bit inode = 0;                                              /* the task's node is in home's inbox */
chan list = [J] of { byte };                                /* home's request list: a stack, taken by one exchange */
bit withdraw[J]; byte verdict[J]; bit box[J];               /* request, in the joiner's frame; message WAKE */
bit frame[J], waits[J]; byte owner = 0, frees = 0; bit finished = 0, hold = 0;      /* ghosts */

inline set_posted(won) { won = !POSTED; POSTED = 1; if :: won -> owner = gen :: else fi }
inline push(won) { if :: won -> atomic { assert(!inode && POSTED); inode = 1; won = 0 } :: else fi }
inline request_cancel(won) {
  atomic { if :: gen == 1 && !FREE -> CANCEL = 1; INTERRUPT = 1; set_posted(won) :: else fi };
  push(won) }
inline unref(won) {
  atomic { if :: gen == 1 && !FREE -> assert(shared > 0); shared--;
                 if :: shared <= BIAS -> MERGE = 1; set_posted(won) :: else fi
              :: else fi };
  push(won) }
#if MUTANT == 8
inline pin() { shared++ }                                   /* a user reference as pin */
inline unpin() { skip }
#else
inline pin() { pins++ }
inline unpin() { assert(pins > 0); pins-- }
#endif

proctype Joiner(byte w) { byte res = 0; bit cxl = 0, tmo = 0, won = 0, ok, late = 0;
  if :: w == 0 -> late = 1 :: w == 0 -> hold = 0 :: w == 1 -> skip fi;     /* has a deadline, or will be canceled */
  atomic { if :: gen == 1 && !FREE -> ok = 1; pin() :: else ok = 0 fi };
#ifndef STRAY
  assert(ok);                                               /* it owns a reference */
#endif
  if :: !ok -> res = 5                                      /* EBADF */
     :: else ->
        atomic { withdraw[w] = 0; verdict[w] = 0; box[w] = 0; frame[w] = 1; waits[w] = 1 };
#if MUTANT == 5
        atomic { unpin(); JOIN = 1; set_posted(won) }; push(won);      /* posts before the request lies there */
        list!w;
#elif MUTANT == 8
        list!w;
        atomic { if :: gen == 1 && !FREE -> JOIN = 1; set_posted(won) :: else fi }; push(won);
#else
        list!w;
        atomic { assert(gen == 1 && !FREE); unpin(); JOIN = 1; set_posted(won) }; push(won);
#endif
        do
        :: res != 0 -> break
        :: res == 0 && box[w] ->
           atomic { box[w] = 0;
#if MUTANT == 3
           res = (verdict[w] == LATE -> LATE : result) }
#else
           res = verdict[w] }
#endif
        :: res == 0 && !late && !cxl && !tmo && !hold -> cxl = 1; request_cancel(won);
#if MUTANT == 4
           res = LATE
#endif
        :: res == 0 && late && !tmo && !cxl -> tmo = 1;
#if MUTANT == 6
           withdraw[w] = 1; res = LATE;                     /* leaves without home's verdict */
#endif
#if MUTANT != 7
           withdraw[w] = 1;
#endif
           atomic { if :: gen == 1 && !FREE -> JOIN = 1; set_posted(won) :: else fi };      /* failed: the answer is on its way */
#if MUTANT == 7
           withdraw[w] = 1;                                 /* the mark after the post */
#endif
           push(won)
        od;
        atomic { frame[w] = 0; waits[w] = 0;
                 assert(res == OLD || (res == LATE && tmo)); assert(!cxl || res == OLD); assert(res != OLD || finished) }
  fi;
#if MUTANT == 8
  unref(won);
#endif
  unref(won);
  if :: w == 0 -> hold = 0 :: else fi
}
#ifdef STRAY
proctype Stray() { bit won = 0; unref(won);
#ifdef TWO
  unref(won);
#endif
  if :: !hold -> request_cancel(won) :: else fi }
#endif
/* Result of a task that ended, with loads only: generation, state, result, generation. */
proctype Peek(byte g) { byte s, r;
  if
  :: gen == g && !FREE -> s = state; r = result;
#if MUTANT == 10
     if :: s == S_DONE -> assert(r == (g == 1 -> OLD : NEW))
#else
     if :: s == S_DONE && gen == g -> assert(r == (g == 1 -> OLD : NEW))
#endif
        :: else -> skip fi
  :: gen > g -> skip
  fi;
  s = 0; r = 0
}
inline answer(w, v) { assert(frame[w]); verdict[w] = v; atomic { assert(waits[w] && !box[w]); box[w] = 1; waits[w] = 0 } }
#if MUTANT == 9
#define NO_PINS true
#else
#define NO_PINS (pins == 0)
#endif
inline try_free() {
#if MUTANT == 2
  f = state == S_DONE && !POSTED && pins == 0 && refs + shared - BIAS <= 0;
  if :: f ->
     atomic { gen++; FREE = 1; shared = BIAS; CANCEL = 0; refs = 0; POSTED = 0; MERGE = 0; JOIN = 0; INTERRUPT = 0; state = S_FREE; frees++ } :: else fi;
  f = 0
#else
  atomic { if :: state == S_DONE && !POSTED && NO_PINS && refs + shared - BIAS <= 0 ->
                 gen++; FREE = 1; shared = BIAS; CANCEL = 0; refs = 0; frees++; f = 1 :: else fi };
  if :: f -> state = S_FREE; f = 0 :: else fi
#endif
}
inline take_requests() {
  /* one exchange; each request is attached, or answered at once */
#if MUTANT == 12
  atomic { k = len(list); if :: k > 0 -> list?<w>; todo!w :: else fi }; do :: len(list) > 0 -> list?_ :: else -> break od;
#else
  atomic { do :: len(list) > 0 -> list?w; todo!w :: else -> break od };
#endif
  do
  :: len(todo) > 0 -> todo?w;
#if MUTANT != 8
     assert(gen == 1 && frame[w]);
#endif
     if :: gen != 1 || FREE -> answer(w, 5)
        :: else -> if :: state == S_DONE -> answer(w, result) :: else -> joiners!w fi fi
  :: len(todo) == 0 -> break
  od;
  /* of the attached ones, those that want to go */
  k = len(joiners);
  do
  :: k > 0 -> k--; joiners?w; assert(frame[w]);
     if :: withdraw[w] ->
#if MUTANT == 11
           joiners!w;                                       /* stays attached */
#endif
           answer(w, LATE)
        :: else -> joiners!w fi
  :: k == 0 -> break
  od;
  w = 0
}
inline drain() {
  inode = 0;
  atomic { assert(POSTED && owner == gen); POSTED = 0; j = JOIN; c = CANCEL && INTERRUPT; JOIN = 0; MERGE = 0; INTERRUPT = 0;
           refs = refs + shared - BIAS; shared = BIAS };
  if :: j -> take_requests() :: else fi;
  if :: c && state == S_RUN -> stop = 1 :: else fi;
  j = 0; c = 0;
  try_free()
}
proctype Home() { byte w, k, v, inc = 1, mine = 0; bit j, c, stop = 0, f, endless; short refs = J;
  chan todo = [J] of { byte }; chan joiners = [J] of { byte };
  if :: endless = 1 :: endless = 0 fi;                      /* the first one may run until it is canceled */
  do
  :: inc > 2 -> break
  :: else ->
     do
     :: inode -> drain()
     :: mine == 0 && inc == 1 -> mine = 1                   /* a joiner at home, with a deadline: no word, no list */
     :: mine == 1 -> mine = 2
     :: !inode && (stop || !(endless && inc == 1)) -> break
     od;
     v = (inc == 1 -> OLD : NEW);
#if MUTANT != 1
     result = v;
#endif
     finished = 1;                                          /* function, locals and ud_free are done */
     if :: mine == 1 -> mine = 3 :: else fi;
     do :: len(joiners) > 0 -> joiners?w; answer(w, v) :: len(joiners) == 0 -> break od;
     w = 0; v = 0;
     state = S_DONE;
#if MUTANT == 1
     result = (inc == 1 -> OLD : NEW);
#endif
     try_free();
     do :: gen == inc + 1 -> break
        :: gen != inc + 1 && inode -> drain() od;
     assert(FREE && !POSTED && pins == 0 && frees == inc && len(joiners) == 0 && state == S_FREE);
     inc++; stop = 0; mine = 0;
     if :: inc == 2 ->
           state = S_RUN; FREE = 0                          /* fields first, then the word: a release store */
        :: else fi
  od
}
proctype Check() { timeout -> assert(frees == 2 && FREE && !inode && !POSTED && pins == 0 && gen == 3 && len(list) == 0) }
init { atomic { if :: hold = 1 :: hold = 0 fi;              /* the cancel may wait until the late one has left */
 run Home(); run Joiner(0); run Joiner(1);
#ifndef SMALL
 run Peek(1);
#endif
 run Peek(2);
#ifdef STRAY
 run Stray();
#endif
 run Check() } }
