// SPDX-License-Identifier: MIT
// The inside of a build with ZIO_FAULTS=ON, for the scenarios.
#include <cstdio>

#include "core/os/faults/plan.hpp"

extern "C" {
#include "tests/faults/kit.h"
}

using namespace zio;

bool faults_begin(const char* plan) {
    return fault::begin(plan);
}
void faults_stop() {
    fault::stop();
}
std::uint64_t faults_failed() {
    return fault::failed_count();
}
std::int64_t faults_blocks() {
    return fault::block_count();
}
std::int64_t faults_mappings() {
    return fault::mapping_count();
}
std::size_t faults_site_count() {
    return fault::site_count;
}
const char* faults_site_name(std::size_t site) {
    return fault::info_of(static_cast<fault::Site>(site)).name;
}
std::uint64_t faults_calls(std::size_t site) {
    return fault::calls_of(static_cast<fault::Site>(site));
}

void faults_print_sites() {
    for (std::size_t i = 0; i < fault::site_count; ++i) {
        const fault::SiteInfo& info = fault::info_of(static_cast<fault::Site>(i));
        std::printf("site %s %d", info.name, info.moves_bytes);
        for (const fault::Error& error : info.errors) {
            if (error.code != 0) std::printf(" %s", fault::name_of_code(error.code));
        }
        std::printf("\n");
    }
    for (std::size_t i = 0; i < fault::exempt_count; ++i) {
        std::printf("exempt %s %s\n", fault::exempt[i].name, fault::exempt[i].reason);
    }
}
