// SPDX-License-Identifier: MIT
// Tests of one backend, the one that ZIO_BACKEND names. Not in this build, or not to be had on this
// machine: skipped, with the reason.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdio>

#include "tests/core/loop/loop_test.hpp"

int main(int argument_count, char** arguments) {
    testing::InitGoogleTest(&argument_count, arguments);
    rlimit limit;  // a thousand pairs are more than many shells allow
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    const std::int32_t status = [] {
        const zio::loop::Opened opened = zio::loop::open_backend(zio::loop::chosen_backend(), {});
        if (opened.status != 0) {
            std::printf("skipped: %s (%s)\n", opened.reason, zio::error_name(opened.status));
        }
        return opened.status;
    }();
    if (status != 0) return 77;
    return RUN_ALL_TESTS();
}
