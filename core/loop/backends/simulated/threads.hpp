// SPDX-License-Identifier: MIT
#pragma once
// What stands for the threads' entries of `os::table` while a world is simulated: who is started in
// it takes part in its turns.
#include <cstdint>

#include "core/os/thread.hpp"

namespace zio::loop::simulated {

std::int32_t start_thread(void (*entry)(void* data), void* data, const char* name, os::Thread* out);
void join_thread(os::Thread thread);
void yield_thread();

}  // namespace zio::loop::simulated
