/* surplus.pml - tasks that have not started are handed over: two workers, each with a surplus that the other takes from,
 * and posters that leave messages meanwhile. A migratable task that has started lies among the fresh ones while it is
 * ready: that it ran and yielded in between is a step that changes nothing of what stands here.
 * home: a worker, or IN | worker (in that worker's surplus), or that with SP: there is a message, nobody pushed it.
 *   put        owner, under the lock: link and home = IN | me
 *   take       thief, under the lock: unlink and exchange home with me; SP was on: receive
 *   take back  owner: one under the lock if home still says so; all: the chain under the lock, homes after it
 *   deliver    who turned POSTED on: reads home; a worker: push on its inbox; IN: compare-exchange to home | SP
 *   receive    not at home here (any more): deliver again; else one exchange takes POSTED and the messages
 * Proves: each task runs once, at home; each message is taken once, by the home; no node is in two inboxes; a slot is
 * not freed under a deliverer; nothing stays behind. The order of the lists does not matter here: they are sets.  */
#ifndef MUTANT
#define MUTANT 0
#endif
#ifndef T
#define T 2                               /* tasks, all of worker 0 at first */
#endif
#ifndef PUTS
#define PUTS 2                            /* hand-overs, of both workers together */
#endif
#ifndef M
#define M 2                               /* posters */
#endif
#define IN 4
#define SP 8
#define BIT(t) (1 << (t))

byte home[T]; bit POSTED[T]; byte word[T];         /* POSTED and the messages are one word */
byte surplus[2]; bit lock[2];                      /* tasks that lie there; who takes it waits */
byte inbox[2];                                     /* nodes, pushed and not popped */
byte puts = 0;
/* ghosts */
bit sent[M], innode[T], ran[T], freed[T]; byte acted[M];

inline acquire(s) { atomic { lock[s] == 0 -> lock[s] = 1 } }
inline release(s) { lock[s] = 0 }

inline deliver(t) {
  do
  :: h = home[t];
     if
     :: h & IN ->
#if MUTANT == 3
        home[t] = h | SP; break                    /* stored although it may have been claimed */
#else
        atomic { if :: home[t] == h -> home[t] = h | SP; h = 0; break :: else fi }
#endif
     :: else ->
        atomic { assert(!freed[t] && !innode[t]);  /* freed: the slot may be somebody else's */
                 innode[t] = 1; inbox[h] = inbox[h] | BIT(t); h = 0 };
        break
     fi
  od
}
inline take_messages(t) {
  atomic { assert(POSTED[t] && home[t] == me && !freed[t]); i = 0;
           do :: i == M -> break
              :: else -> if :: word[t] & BIT(i) -> acted[i]++; assert(acted[i] == 1) :: else fi; i++ od;
           i = 0; POSTED[t] = 0; word[t] = 0 }
}
inline receive(t) {
#if MUTANT == 6
  take_messages(t)                                 /* as if it were always at home here */
#else
  if :: home[t] != me ->
#if MUTANT == 4
        skip                                       /* dropped: not mine */
#elif MUTANT == 10
        atomic { POSTED[t] = 0 }; deliver(t)       /* forwarded, but who posts next pushes it, too */
#else
        deliver(t)
#endif
     :: else -> take_messages(t)
  fi
#endif
}
inline link(s, t) { atomic { assert(!(surplus[s] & BIT(t))); surplus[s] = surplus[s] | BIT(t) } }
inline unlink(s, t) { atomic { assert(surplus[s] & BIT(t)); surplus[s] = surplus[s] & (255 - BIT(t)) } }
inline claim(t) {
#if MUTANT == 8
  h = home[t]; home[t] = me;                       /* two steps: a message between them is lost */
#else
  atomic { h = home[t]; home[t] = me };
#endif
#if MUTANT != 2
  atomic { if :: h & SP -> mailed = mailed | BIT(t) :: else fi; h = 0 }
#else
  h = 0                                            /* does not look whether somebody sent it something */
#endif
}
inline bring_home(t) {
  atomic { assert(!(fresh & BIT(t))); fresh = fresh | BIT(t) };
  if :: mailed & BIT(t) -> mailed = mailed & (255 - BIT(t)); take_messages(t) :: else fi
}
/* one of a set, any of them */
inline choose(set, t) { t = 0; do :: set & BIT(t) -> break :: t < T - 1 && ((set) >> (t + 1)) -> t++ od }

inline put() {                                     /* any of its new tasks, in any order */
  atomic { puts++; n = 0;
           do :: n == T -> break
              :: n < T && (fresh & BIT(n)) -> fresh = fresh & (255 - BIT(n)); chain = chain | BIT(n); n++
              :: n < T -> n++ od; n = 0 };
  acquire(me);
#if MUTANT == 5
  surplus[me] = surplus[me] | chain; release(me);  /* homes follow when others may have taken them */
#endif
  do :: chain == 0 -> break
     :: else -> atomic { choose(chain, n); chain = chain & (255 - BIT(n)) };
#if MUTANT != 5
        link(me, n);
#endif
        atomic { home[n] = IN | me; n = 0 }
  od;
#if MUTANT != 5
  release(me)
#endif
}
inline take_back_one() {                           /* somebody here joins it */
  atomic { n = 0; do :: n < T - 1 -> n++ :: break od };   /* the one that the joiner named, wherever it is by now */
#if MUTANT == 9
  got = (home[n] == (IN | me)) || (home[n] == (IN | me | SP));  /* looked before the lock was taken */
  acquire(me);
#else
  acquire(me);
  got = (home[n] == (IN | me)) || (home[n] == (IN | me | SP));
#endif
  if :: got -> unlink(me, n); claim(n) :: else fi;
  release(me);
  if :: got -> bring_home(n) :: else fi;
  atomic { n = 0; got = 0 }
}
inline take_back_all() {
  acquire(me);
  atomic { chain = surplus[me]; surplus[me] = 0 };
  release(me);
  do :: chain == 0 -> break
     :: else -> atomic { choose(chain, n); chain = chain & (255 - BIT(n)) };
        claim(n); bring_home(n); n = 0
  od
}
inline take_half(from) {
  acquire(from);
  atomic { left = 0; n = 0; do :: n == T -> break :: else -> left = left + ((surplus[from] >> n) & 1); n++ od; n = 0;
           left = (left + 1) / 2 };
  do :: left == 0 -> break
     :: else -> atomic { choose(surplus[from], n) }; unlink(from, n);
#if MUTANT != 1
        claim(n);
#endif
        atomic { chain = chain | BIT(n); left--; n = 0 }
  od;
  release(from);
  do :: chain == 0 -> break
     :: else -> atomic { choose(chain, n); chain = chain & (255 - BIT(n)) };
#if MUTANT == 1
        claim(n);                                  /* outside of the lock: the owner still thinks that it is there */
#endif
        bring_home(n); n = 0
  od
}
inline drain() {
  atomic { chain = inbox[me]; inbox[me] = 0 };
  do :: chain == 0 -> break
     :: else -> atomic { choose(chain, n); chain = chain & (255 - BIT(n)); innode[n] = 0 };
#if MUTANT == 7
        atomic { if :: home[n] == me -> skip :: home[n] != me -> POSTED[n] = 0; word[n] = 0 fi };
        if :: POSTED[n] -> receive(n) :: else fi;  /* takes the messages off, although another is at home */
#else
        receive(n);
#endif
        n = 0
  od
}

proctype Worker(byte me; byte fresh) { byte chain = 0, mailed = 0, n = 0, h = 0, i = 0, left = 0; bit got = 0;
end: do
  :: atomic { fresh && puts < PUTS -> skip }; put()
  :: surplus[me] -> take_back_one()
  :: surplus[me] -> take_back_all()
  :: surplus[1 - me] -> take_half(1 - me)
  :: inbox[me] -> drain()
  :: fresh -> atomic { choose(fresh, n); fresh = fresh & (255 - BIT(n)); assert(home[n] == me && !ran[n]);
                       ran[n] = 1; n = 0 }
  /* ended, nobody refers to it, and no message is on its way */
  :: atomic { ran[0] && home[0] == me && !POSTED[0] && !freed[0] -> freed[0] = 1 }
  od
}
proctype Poster(byte me) { byte t = 0, h = 0; bit won = 0;
  atomic { if :: t = 0 :: t = T - 1 fi };
#if MUTANT == 11
  h = home[t];                                     /* read before POSTED is on: nothing keeps it there */
#endif
  atomic { if :: freed[t] -> skip                  /* its generation is over */
              :: else -> sent[me] = 1; word[t] = word[t] | BIT(me); won = !POSTED[t]; POSTED[t] = 1 fi };
#if MUTANT == 11
  if :: won && !(h & IN) -> atomic { assert(!freed[t] && !innode[t]); innode[t] = 1; inbox[h] = inbox[h] | BIT(t) }
     :: won && (h & IN) -> home[t] = h | SP
     :: else fi
#else
  if :: won -> deliver(t) :: else fi
#endif
}
proctype Check() { byte t = 0; timeout ->
  atomic {
    do :: t == T -> break
       :: else -> assert(ran[t] && home[t] < 2 && !POSTED[t] && !innode[t] && !word[t]); t++ od;
    t = 0;
    do :: t == M -> break :: else -> assert(acted[t] == sent[t]); t++ od;
    assert(!surplus[0] && !surplus[1] && !inbox[0] && !inbox[1])
  }
}
init { byte k = 0; atomic { run Worker(0, (1 << T) - 1); run Worker(1, 0);
  do :: k == M -> break :: else -> run Poster(k); k++ od; run Check() } }
