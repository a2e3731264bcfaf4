/* SPDX-License-Identifier: MIT */
/**
 * @file zio/sim.h
 * For programs that are tested in a simulated world (`ZIO_BACKEND=sim`, the command `zio-sim`):
 * what befalls the network, and what a run shall show.
 *
 * Everywhere else these functions have no effect: a program keeps its calls when it runs for real.
 * A host of the simulated world is an address: give the parts of a program 127.0.0.1, 127.0.0.2 and
 * so on, which work on a real machine, too.
 */
#ifndef ZIO_SIM_H
#define ZIO_SIM_H

#include "zio/address.h"
#include "zio/base.h"

ZIO_BEGIN_DECLS

/**
 * Tells whether the process runs in a simulated world now: while a runtime on the backend `sim`
 * lives.
 * @return 1 or 0.
 * @par Errors
 * None.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/sim_world_test.c
 */
ZIO_API int ZIO_CALL zio_sim_is_active(void) ZIO_NOEXCEPT;

/**
 * Gives the seed that decides everything in this world.
 * @return the seed; 0 outside of a simulation.
 * @par Errors
 * None.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/sim_world_test.c
 */
ZIO_API uint64_t ZIO_CALL zio_sim_seed(void) ZIO_NOEXCEPT;

/**
 * Gives a number by chance that the seed decides: for what a test does, so that it is replayed too.
 * What else happens does not change by it.
 * @return any 64 bits; 0 outside of a simulation.
 * @par Errors
 * None.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/sim_world_test.c
 */
ZIO_API uint64_t ZIO_CALL zio_sim_random(void) ZIO_NOEXCEPT;

/**
 * Lets virtual time pass, as if the caller had computed for so long. Other tasks do not run
 * meanwhile; what is due then is done at their next turn. (Sleeping tasks need no help: the clock
 * jumps when nobody has anything to do.)
 * @param ns nanoseconds, 0 or more.
 * @return 0 or an error.
 * @par Errors
 * ZIO_EINVAL: `ns` is negative or more than 10^18. ZIO_ENOTSUP: nothing is simulated.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/sim_world_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_sim_advance(int64_t ns) ZIO_NOEXCEPT;

/**
 * Cuts two hosts off from each other, both ways. Connections between them fall silent, and new ones
 * are not answered, until zio_sim_heal(); what was sent meanwhile arrives then.
 * @param one a host; its port does not matter.
 * @param other another host.
 * @return 0 or an error.
 * @par Errors
 * ZIO_EINVAL: a NULL, no IP address, or the wildcard address. ZIO_EADDRNOTAVAIL: no address of the
 * simulated world. ZIO_ENOMEM: no memory. ZIO_ENOTSUP: nothing is simulated.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/sim_world_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_sim_partition(const zio_addr_t *one,
                                             const zio_addr_t *other) ZIO_NOEXCEPT;

/**
 * Ends a cut. Two that were not cut off stay as they are.
 * @param one a host, or NULL.
 * @param other another host. Both NULL: ends all cuts, those that chance made, too.
 * @return 0 or an error.
 * @par Errors
 * ZIO_EINVAL: one of the two is NULL, or no address. ZIO_ENOTSUP: nothing is simulated.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/sim_world_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_sim_heal(const zio_addr_t *one,
                                        const zio_addr_t *other) ZIO_NOEXCEPT;

/**
 * Makes a host crash. What the program does with the TCP sockets that are bound to it, or connected
 * from it, fails from now on, so that the tasks which are that host's notice: a stream with
 * ZIO_ENETDOWN, an accept with ZIO_EINVAL, as on a socket that does not listen. The other ends of
 * its connections hear nothing more until zio_sim_restart().
 * @param host the host; its port does not matter.
 * @return 0 or an error.
 * @par Errors
 * ZIO_EINVAL: NULL, no IP address, or the wildcard address. ZIO_EADDRNOTAVAIL: no address of the
 * simulated world. ZIO_EALREADY: it has crashed already. ZIO_ENOMEM: no memory. ZIO_ENOTSUP:
 * nothing is simulated.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/sim_world_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_sim_crash(const zio_addr_t *host) ZIO_NOEXCEPT;

/**
 * Starts a host that crashed. It knows nothing of its connections: their other ends are reset. The
 * program binds and listens there again.
 * @param host the host. One that is up stays so.
 * @return 0 or an error.
 * @par Errors
 * ZIO_EINVAL: NULL, or no address. ZIO_ENOTSUP: nothing is simulated.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/sim_world_test.c
 */
ZIO_API zio_err_t ZIO_CALL zio_sim_restart(const zio_addr_t *host) ZIO_NOEXCEPT;

/**
 * Says what must hold in every run. In a simulation a condition that does not hold ends the process
 * (abort), and the line with the seed names it. Outside of one nothing happens.
 * @param holds the condition: not 0 when it holds.
 * @param what what holds, in a few words without a line break. NULL counts as "".
 * @return `holds`.
 * @par Errors
 * None.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/sim_world_test.c
 */
ZIO_API int ZIO_CALL zio_sim_always(int holds, const char *what) ZIO_NOEXCEPT;

/**
 * Says what shall be true in some run, so that the test is known to reach it. `zio-sim run` counts
 * over all seeds and names what was never true; at most 256 texts of 119 bytes each are counted.
 * @param holds the condition: not 0 when it is true.
 * @param what what is true, in a few words without a line break. NULL counts as "".
 * @return `holds`.
 * @par Errors
 * None.
 * @par Suspends
 * no; any thread
 * @since 0.1
 * @test tests/capi/sim_world_test.c
 */
ZIO_API int ZIO_CALL zio_sim_sometimes(int holds, const char *what) ZIO_NOEXCEPT;

ZIO_END_DECLS

#endif
