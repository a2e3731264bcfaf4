// SPDX-License-Identifier: MIT
#include "tests/fuzz/world.hpp"

#include <cstdlib>
#include <string>

#include "core/loop/backends/simulated/simulation.hpp"
#include "tests/fuzz/input.hpp"
#include "zio/stream.h"

namespace zio::fuzz {

namespace {

namespace simulated = zio::loop::simulated;

// Few, so that counting what is left of them is cheap.
constexpr std::uint32_t descriptor_limit = 64;

// As many pairs can be made as in a world in which there is no other descriptor.
void no_descriptor_is_left() {
    zio_stream_t* streams[descriptor_limit];
    std::uint32_t count = 0;
    while (count < descriptor_limit) {
        HOLDS(zio_stream_pair(&streams[count], &streams[count + 1]) == 0);
        count += 2;
    }
    zio_stream_t* more[2];
    HOLDS(zio_stream_pair(&more[0], &more[1]) == ZIO_EMFILE);
    while (count > 0) HOLDS(zio_stream_close(streams[--count]) == 0);
}

struct Main {
    zio_rt_t* rt;
    zio_task_fn entry;
    void* ud;
};

zio_rt_stats_t stats_of(zio_rt_t* rt) {
    zio_rt_stats_t stats;
    HOLDS(zio_rt_stats_init(&stats, sizeof stats) == 0);
    HOLDS(zio_rt_stats(rt, &stats) == 0);
    return stats;
}

zio_err_t run_main(void* ud) {
    const Main& program = *static_cast<Main*>(ud);
    const zio_err_t status = program.entry(program.ud);
    HOLDS(stats_of(program.rt).tasks_live == 1);
    no_descriptor_is_left();
    return status;
}

}  // namespace

Outcome run_world(std::uint64_t seed, zio_task_fn entry, void* ud) {
    simulated::Faults faults;
    faults.handle_limit = descriptor_limit;
    simulated::set_faults(faults);
    setenv("ZIO_SEED", std::to_string(seed).c_str(), 1);
    zio_rt_options_t options;
    HOLDS(zio_rt_options_init(&options, sizeof options) == 0);
    options.backend = ZIO_BACKEND_SIM;
    options.stack_size = 64 * 1024;
    Main program{nullptr, entry, ud};
    HOLDS(zio_rt_create(&program.rt, &options) == 0);
    HOLDS(zio_rt_run(program.rt, run_main, &program) == 0);
    const std::uint64_t spawned_count = stats_of(program.rt).tasks_spawned;
    HOLDS(zio_rt_shutdown(program.rt, ZIO_IMMEDIATE) == 0);
    HOLDS(zio_rt_destroy(program.rt) == 0);
    const simulated::Report report = simulated::report();
    HOLDS(report.seed == seed);
    return {report.hash, report.event_count, spawned_count};
}

}  // namespace zio::fuzz
