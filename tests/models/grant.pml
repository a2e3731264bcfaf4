/* grant.pml - a wait node in an object's list: a hand-off takes the node out under the object's LOCK, copies into the
 * waiter's frame and leaves the message WAKE in the folded task word, without a look at the generation (the node it took
 * out keeps the task). Against it: 2 cancelers, a stray unpark, an unref elsewhere, a deadline; 2 incarnations.
 * No item may be lost, no frame touched after the call.                                                  */
#ifndef MUTANT
#define MUTANT 0
#endif
#define BIAS 4
byte gen = 1, shared = BIAS; bit FREE = 0, POSTED, CANCEL, UNPARK, INTERRUPT, MERGE, WAKE;    /* task word */
bit olk = 0, linked = 0; byte item = 0, value = 0;   /* object: LOCK, one-entry list, stored items; a place in the frame */
byte inbox = 0, owner = 0; bit frame = 0;            /* frame: valid while the call is under way */
byte made = 0, eaten = 0, frees = 0; bit pending[4];

inline set_posted(won) { won = !POSTED; POSTED = 1; if :: won -> owner = gen :: else fi }
inline push(won) { if :: won -> atomic { assert(inbox == 0 && POSTED); inbox = 1; won = 0 } :: else fi }
inline lock() { atomic { !olk -> olk = 1 } }
proctype Canceler(byte g) { bit won = 0;
  if :: g == 0 -> if :: g = 1 :: g = 2 fi :: else fi;
  atomic { if :: gen == g && !FREE -> CANCEL = 1; INTERRUPT = 1; pending[g] = 1; set_posted(won) :: else fi };
  push(won)
}
proctype Unparker() { bit won = 0;
  atomic { if :: gen == 1 && !FREE -> UNPARK = 1; set_posted(won) :: else fi };
  push(won)
}
proctype Holder() { bit won = 0;                     /* owns the reference of generation 1 */
  atomic { assert(gen == 1 && !FREE); shared--; MERGE = 1; set_posted(won) };
  push(won)
}
proctype Granter() { byte k = 0; bit won, take; byte g;
  do :: k == 2 -> break
     :: else -> k++;
        lock(); made++;
        if :: linked -> linked = 0; take = 1; g = gen :: else -> item++; take = 0 fi;
        olk = 0;
        if :: take ->
#if MUTANT != 4
              atomic { assert(frame && value == 0); value = 1 };    /* copy into the waiter's frame, outside LOCK */
#endif
#if MUTANT == 1
              if :: POSTED -> WAKE = 1 :: else -> WAKE = 1; POSTED = 1; owner = gen; won = 1; push(won) fi;   /* not one exchange */
#else
              atomic { assert(gen == g && !FREE); WAKE = 1; set_posted(won) };
              push(won);
#endif
#if MUTANT == 4
              atomic { assert(frame && value == 0); value = 1 };    /* the message before the copy */
#endif
              take = 0; g = 0
           :: else fi
  od
}
inline pop() {
  inbox = 0;
#if MUTANT == 5
  atomic { c = CANCEL; i = INTERRUPT; m = WAKE; INTERRUPT = 0; UNPARK = 0; MERGE = 0; WAKE = 0; refs = refs + shared - BIAS; shared = BIAS };
  POSTED = 0
#else
  atomic { assert(POSTED && owner == gen); c = CANCEL; i = INTERRUPT; m = WAKE;
           POSTED = 0; INTERRUPT = 0; UNPARK = 0; MERGE = 0; WAKE = 0; refs = refs + shared - BIAS; shared = BIAS }
#endif
}
#if MUTANT == 3
#define NOT_POSTED true
#else
#define NOT_POSTED !POSTED
#endif
inline try_free() {
  atomic { if :: done && NOT_POSTED && refs + shared - BIAS <= 0 ->
                 gen++; FREE = 1; shared = BIAS; CANCEL = 0; INTERRUPT = 0; UNPARK = 0; MERGE = 0; WAKE = 0; POSTED = 0; frees++; done = 0; refs = 0
              :: else fi }
}
proctype Home() { byte inc = 1, r; bit c, i, m, timer, done = 0; short refs = 1;
  do
  :: inc > 2 -> break
  :: else ->
     r = 0; frame = 1;
     if :: CANCEL -> atomic { assert(pending[inc]); CANCEL = 0; pending[inc] = 0 }; r = 2
        :: else ->
           lock();
           if :: item > 0 -> item--; r = 1; value = 1 :: else -> linked = 1 fi;
           olk = 0;
           timer = 1;
           do
           :: r != 0 -> break
           :: r == 0 && inbox -> pop();
              if :: m -> r = 1                                       /* the cancel, if any, stays pending */
                 :: !m && i && c -> lock();
#if MUTANT == 2
                    linked = 0; r = 2; olk = 0                       /* does not wait for the message */
#else
                    if :: linked -> linked = 0; r = 2 :: else fi; olk = 0
#endif
                 :: else fi
           :: r == 0 && timer -> timer = 0; lock();
              if :: linked -> linked = 0; r = 3 :: else fi; olk = 0
           od;
           if :: r == 2 -> atomic { assert(CANCEL && pending[inc]); CANCEL = 0; pending[inc] = 0 } :: else fi
     fi;
     atomic { frame = 0; timer = 0; c = 0; i = 0; m = 0;
              if :: r == 1 -> assert(value == 1); eaten++ :: else assert(value == 0) fi; value = 0; r = 0;
              assert(!pending[inc] || CANCEL) };
     done = 1; try_free();
     do :: gen == inc + 1 -> break
        :: gen != inc + 1 && inbox -> pop(); assert(!m); try_free() od;
     assert(FREE && !POSTED);
     pending[inc] = 0; inc++; c = 0; i = 0;
     if :: inc == 2 -> atomic { FREE = 0; shared = BIAS } :: else fi      /* spawned at home, detached: a plain store */
  od
}
proctype Check() { timeout -> assert(made == 2 && eaten + item == made && !linked && gen == 3 && frees == 2 && FREE && !POSTED) }
init { atomic { run Home(); run Granter(); run Canceler(1); run Canceler(0); run Unparker(); run Holder(); run Check() } }
