/* shutdown.pml - stop spawns, cancel all, wait: two workers, a plain thread that spawns, tasks that spawn
 * (at home or to the other worker), one shutdown. Workers count privately and freeze their count when
 * they process STOP; plain threads go through one word (STOPPING | count).                           */
#ifndef MUTANT
#define MUTANT 0
#endif
#define T 5                               /* tasks at most */
#ifndef SPAWNS
#define SPAWNS 3                          /* tasks spawn while there are fewer */
#endif
#define W 2
bit STOPPING = 0; byte outside = 0;        /* one word: CAS */
bit stopmsg[W], wstop[W], acked[W];
byte created[W], ended[W];                 /* single writer: the worker */
chan inbox0 = [T] of { byte }; chan inbox1 = [T] of { byte };  /* new tasks, FIFO with the STOP message */
bit cancel[T], over[T], exists[T]; byte nt = 0;
bit nudge = 0, down = 0; byte nspawn = 0;
#define STOPM 99
inline newtask(id) { atomic { id = nt; nt++; exists[id] = 1 } }
proctype Worker(byte me; chan mine; chan other) {
  byte m, cur = 255, id, i; bit spawned; 
  byte state[T];                /* 0 none 1 adopted, running; home-private list */
end: do
  :: mine?m ->
     if :: m == STOPM ->
           atomic { wstop[me] = 1; i = 0; do :: i < T -> if :: state[i] == 1 -> cancel[i] = 1 :: else fi; i++ :: else -> i = 0; break od };
           acked[me] = 1; nudge = 1
        :: else -> assert(!down);
           atomic { state[m] = 1;
#if MUTANT != 1
           if :: wstop[me] -> cancel[m] = 1 :: else fi            /* adopted after STOP: canceled before its start */
#endif
           }
     fi
#define CAN(x) (state[x] == 1 && (cancel[x] || x == 0 || nt < SPAWNS))
  :: atomic { CAN(0) || CAN(1) || CAN(2) || CAN(3) || CAN(4) ->
       if :: CAN(0) -> cur = 0 :: CAN(1) -> cur = 1 :: CAN(2) -> cur = 2 :: CAN(3) -> cur = 3 :: CAN(4) -> cur = 4 fi };
     if
     :: nt < SPAWNS ->                                                  /* the task spawns */
        if
#if MUTANT != 2
           :: wstop[me] -> skip                                    /* ESTOPPING: worker-private flag, no atomic */
#endif
           :: 
#if MUTANT != 2
              else ->
#endif
              created[me]++; newtask(id);
              if :: other!id :: atomic { state[id] = 1 } fi
        fi
     :: cancel[cur] || cur == 0 ->                                 /* ends when canceled; task 0 may end by itself */
        atomic { state[cur] = 0; over[cur] = 1 }; ended[me]++;
        if :: wstop[me] -> nudge = 1 :: else fi
     :: else -> skip
     fi;
     cur = 255
  od
}
proctype Plain() { byte id; bit ok;
#if MUTANT == 3
  ok = !STOPPING; if :: ok -> outside++ :: else fi;                /* check and count in two steps */
#else
  atomic { ok = !STOPPING; if :: ok -> outside++ :: else fi };
#endif
  if :: ok -> newtask(id); if :: inbox0!id :: inbox1!id fi :: else fi
}
proctype Shutdown() { byte e, c;
  STOPPING = 1;                                                    /* fetch_or on the same word */
  inbox0!STOPM; inbox1!STOPM;
#if MUTANT != 4
  acked[0] && acked[1];                                            /* counts are frozen from here on */
#endif
  do
#if MUTANT == 4
  :: c = created[0]; c = c + created[1] + outside; e = ended[0]; e = e + ended[1];   /* no freeze, and created read first */
#else
  :: e = ended[0]; e = e + ended[1]; c = created[0]; c = c + created[1] + outside;
#endif
     if :: e == c -> break :: else -> nudge; nudge = 0 fi
  od;
  down = 1;
  atomic { e = 0; do :: e < T -> assert(!exists[e] || over[e]); e++ :: else -> break od }
}
proctype Check() { timeout -> assert(down && len(inbox0) == 0 && len(inbox1) == 0) }
init { atomic { created[0] = 1; nt = 1; exists[0] = 1; inbox0!0; run Worker(0, inbox0, inbox1); run Worker(1, inbox1, inbox0); run Plain(); run Shutdown(); run Check() } }
