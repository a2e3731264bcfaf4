/* crew.pml - orders to workers that have threads of their own: run, stand still, leave.
 * duty: one word of RUN (it shall), RUNS (it may be running tasks), LEAVE. The driver changes RUN and LEAVE, the worker
 * RUNS, each by a locked instruction. Who changed the word tells the worker: exchange of order_posted, and who found it
 * off pushes the worker's one order node. The worker takes it from the inbox, reads its link, *exchanges* order_posted
 * with off, and only then looks at the duty. Standing still is waited for under the waiters' lock.
 * Proves: after let_stand nobody runs a task until the next let_run; nobody sleeps with an order that it has not seen;
 * the order node is never pushed twice; who waits for the crew is woken; leave ends every thread.
 * A plain store of order_posted may wait in a store buffer (x86) while the duty is read: mutant 4.             */
#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef W
#define W 2
#endif
#ifndef ROUNDS
#define ROUNDS 2                          /* let_run and let_stand, then leave */
#endif
#define RUNS 1
#define RUN 2
#define LEAVE 4

byte duty[W]; bit posted[W], late[W];              /* order_posted; its store to "off" waits in a buffer */
bit mail[W], other[W], over[W];                    /* inbox: the order node, something else; its thread has ended */
bit lock = 0, listed = 0, woken = 0;               /* who waits for the crew: the driver */
/* ghosts */
bit node[W], quiet = 1, done = 0;                  /* the order node is in the inbox or its link is not read yet */
byte ran = 0;

inline flush(i) { atomic { if :: late[i] -> posted[i] = 0; late[i] = 0 :: else fi } }
proctype Drain() { byte i = 0;
end: do :: late[0] -> flush(0)
#if W > 1
        :: late[1] -> flush(1)
#endif
     od }

inline push_order(i) {                             /* a closed inbox refuses: the worker saw LEAVE before it was told */
  atomic { assert(!node[i]); if :: !over[i] -> node[i] = 1; mail[i] = 1 :: else fi }
}
inline tell(i) {
#if MUTANT == 9
  push_order(i)                                    /* without a look whether it is on its way */
#else
  atomic { won = !posted[i]; posted[i] = 1 };
  if :: won -> push_order(i); won = 0 :: else fi
#endif
}
inline take_lock() { atomic { lock == 0 -> lock = 1 } }
inline wake_waiters() {
  take_lock();
  atomic { chain = listed; listed = 0 };
  lock = 0;
  if :: chain -> woken = 1; chain = 0 :: else fi
}

proctype Driver() { byte r = 0, i = 0, d = 0; bit won = 0, wait = 0;
  do
  :: r == ROUNDS -> break
  :: else ->
     quiet = 0;
     i = 0;                                        /* ---- let_run */
     do :: i == W -> break
        :: else ->
#if MUTANT == 5
           tell(i); duty[i] = duty[i] | RUN;       /* told before it stands there */
#else
           duty[i] = duty[i] | RUN; tell(i);
#endif
           i++
     od;
     i = 0;                                        /* its own task needs what the others do, or does not */
     if :: skip
        :: skip; do :: i == W -> break :: i < W && (duty[i] & RUNS) -> i++ od
     fi;
     i = 0;                                        /* ---- let_stand */
     do :: i == W -> break
        :: else ->
#if MUTANT == 8
           d = duty[i]; duty[i] = d & (255 - RUN); d = 0;  /* two steps: RUNS that comes between them is lost */
#else
           duty[i] = duty[i] & (255 - RUN);
#endif
           tell(i); i++
     od;
     i = 0;
     do :: i == W -> break
        :: i < W && !(duty[i] & RUNS) -> i++
        :: i < W && (duty[i] & RUNS) ->
#if MUTANT == 3
           wait = 1;                               /* looked before the lock only */
           take_lock();
#else
           take_lock();
           wait = (duty[i] & RUNS) != 0;
#endif
           if :: wait -> listed = 1 :: else fi;
           lock = 0;
           if :: wait -> atomic { woken -> woken = 0; wait = 0 } :: else fi
     od;
     quiet = 1;
     atomic { i = 0; r++ }
  od;
  i = 0;                                           /* ---- dismiss */
  do :: i == W -> break
     :: else -> duty[i] = duty[i] | LEAVE; tell(i); i++
  od;
  i = 0;
  do :: i == W -> break :: else -> over[i] -> i++ od;
  done = 1
}

/* one turn's mail: the chain is taken, each link is read before its node is acted on */
inline drain() {
  atomic { flush(me); got = mail[me]; mail[me] = 0; other[me] = 0 };
#if MUTANT == 10
  if :: got -> posted[me] = 0 :: else fi;          /* off before its link is read */
#endif
  if :: got ->
        node[me] = 0;
#if MUTANT == 4
        late[me] = 1;                              /* a plain store: it may become visible later */
#elif MUTANT != 1 && MUTANT != 10
        posted[me] = 0;                            /* exchange, acq_rel */
#endif
     :: else fi
}
/* MUTANT 1: off only when the turn is over, after the duty was read */
inline end_turn() {
#if MUTANT == 1
  if :: got -> posted[me] = 0 :: else fi;
#endif
  got = 0
}
/* the inbox is parked by a compare-exchange, which drains the buffer; then only mail wakes it */
inline sleep() { flush(me); (mail[me] || other[me]) }

inline stand() {
  do
  :: old = duty[me];
     if
     :: old & LEAVE -> left = 1; break
     :: else ->
        wanted = ((old & RUN) -> RUN | RUNS : 0);
        if
        :: old != wanted ->
#if MUTANT == 7
           if :: wanted == 0 -> wake_waiters() :: else fi;  /* before it says that it stands */
#endif
#if MUTANT == 2
           duty[me] = wanted; won = 1;             /* stored: an order that came meanwhile is lost */
#else
           atomic { flush(me); won = duty[me] == old; if :: won -> duty[me] = wanted :: else fi };
#endif
#if MUTANT != 6 && MUTANT != 7
           if :: won && wanted == 0 -> wake_waiters() :: else fi
#endif
        :: else -> won = 1
        fi;
        if
        :: !won -> skip
        :: won && (wanted & RUN) -> won = 0; break
        :: won && !(wanted & RUN) -> won = 0;
           drain();                                /* a turn without tasks */
           if :: duty[me] != 0 -> end_turn() :: else -> end_turn(); sleep() fi
        fi
     fi
  od;
  atomic { old = 0; wanted = 0; won = 0 }
}

proctype Worker(byte me) { byte old = 0, wanted = 0; bit got = 0, won = 0, left = 0, chain = 0;
end: do
  :: drain();
     if :: duty[me] != (RUN | RUNS) -> stand() :: else fi;
     if
     :: left -> break
     :: else ->
        if
        :: ran < 2 -> atomic { assert(!quiet); ran++ }; assert(!quiet)        /* a task, here and after its switch */
        :: end_turn(); goto rest
        fi;
        end_turn(); goto turned;
rest:   sleep();
turned: skip
     fi
  od;
  do                                               /* the thread leaves: its inbox closes when it is empty */
  :: mail[me] -> drain(); end_turn()
  :: atomic { !mail[me] -> over[me] = 1; break }
  od
}
/* somebody else who waits for the crew is told something, and whoever has mail for a worker: both change nothing */
proctype Noise() { bit chain = 0;
  wake_waiters();
  other[0] = 1
}
proctype Check() { timeout -> assert(done && !listed && !lock) }
init { byte k = 0; atomic { run Driver(); run Drain(); run Noise(); run Check();
  do :: k == W -> break :: else -> run Worker(k); k++ od } }
