// SPDX-License-Identifier: MIT
#include "core/os/thread.hpp"

#include <pthread.h>
#include <sched.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "core/base/error.hpp"
#include "core/base/fault.hpp"
#include "core/base/memory.hpp"
#include "core/os/error.hpp"

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

struct Beginning {
    void (*entry)(void*);
    void* data;
    char name[16];
};

void* begin(void* data) {
    auto* beginning = static_cast<Beginning*>(data);
    const Beginning mine = *beginning;
    zio::destroy(beginning);
    (void)pthread_setname_np(pthread_self(), mine.name);
    mine.entry(mine.data);
    return nullptr;
}

// A fault must reach the thread that made it, and a profiler's signal the thread it measures.
void block_signals(sigset_t* before) {
    sigset_t all;
    sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPROF}) {
        sigdelset(&all, fault);
    }
    pthread_sigmask(SIG_SETMASK, &all, before);
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
    if (ZIO_FAULT_AT(at_thread_exit) != 0) return false;
    return key.made && pthread_setspecific(key.key, data) == 0;
}

std::int32_t start_thread(ThreadEntry entry, void* data, const char* name, Thread* out) noexcept {
    auto* beginning = zio::create<Beginning>();
    if (beginning == nullptr) return error::no_memory;
    beginning->entry = entry;
    beginning->data = data;
    strncpy(beginning->name, name, sizeof beginning->name - 1);
    sigset_t before;
    block_signals(&before);  // the new thread inherits the mask
    pthread_t id;
    int failure = ZIO_FAULT_AT(start_thread);
    if (failure == 0) failure = pthread_create(&id, nullptr, &begin, beginning);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (failure != 0) {
        zio::destroy(beginning);
        return error_from_code(failure);
    }
    static_assert(sizeof id <= sizeof out->id);
    out->id = 0;
    memcpy(&out->id, &id, sizeof id);
    return 0;
}

std::int32_t watch_forks(void (*before)(), void (*in_parent)(), void (*in_child)()) noexcept {
    return error_from_code(pthread_atfork(before, in_parent, in_child));
}

void join_thread(Thread thread) noexcept {
    pthread_t id;
    memcpy(&id, &thread.id, sizeof id);
    (void)pthread_join(id, nullptr);
}

}  // namespace zio::os
