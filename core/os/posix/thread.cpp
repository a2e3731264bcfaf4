// SPDX-License-Identifier: MIT
#include "core/os/thread.hpp"

#include <pthread.h>
#include <sched.h>

#include <cerrno>

namespace zio::os {

namespace {

struct ExitKey {
    pthread_key_t key;
    bool made;
};

ExitKey make_key(void (*leave)(void*)) {
    ExitKey made{};
    made.made = pthread_key_create(&made.key, leave) == 0;
    return made;
}

}  // namespace

int* errno_address() noexcept {
    return &errno;
}

void yield_thread() noexcept {
    sched_yield();
}

bool at_thread_exit(void (*leave)(void* data), void* data) noexcept {
    static const ExitKey key = make_key(leave);
    return key.made && pthread_setspecific(key.key, data) == 0;
}

}  // namespace zio::os
