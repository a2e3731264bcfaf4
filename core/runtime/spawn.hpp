// SPDX-License-Identifier: MIT
#pragma once
// New tasks: on this worker in a dozen instructions, into another runtime by its inbox, and in two
// phases for bindings whose closure and result live inside the task.
#include "core/os/probe.hpp"
#include "core/runtime/worker.hpp"

namespace zio::runtime {

class Runtime;

inline constexpr std::uint32_t task_migratable = 1 << 0;
inline constexpr std::uint32_t task_pin_here = 1 << 1;
inline constexpr std::uint32_t task_may_inline = 1 << 2;
inline constexpr std::uint32_t task_shared_stack = 1 << 3;
inline constexpr std::uint32_t task_keep_fp = 1 << 4;

// The caller has checked sizes and reserved fields.
struct SpawnOptions {
    std::uint32_t flags = 0;
    std::uint32_t priority = 0;
    std::uint64_t stack_size = 0;
    const char* name = nullptr;
    FreeFunction free_data = nullptr;
    const void* origin = nullptr;  // the return address of the call that spawns it
    Group* group = nullptr;        // whose member it becomes
    std::uint32_t group_generation = 0;
};

// A free slot takes no message, so nobody else writes its word: a plain store begins a life.
ZIO_INLINE void begin_life(Task& task) {
    task.word.store(std::uint64_t{task.generation()} << 32 | word::bias, std::memory_order_release);
}

// `runtime` 0: the current one. `out` null: detached.
std::int32_t spawn_slowly(HandleBits runtime, HandleBits* out, TaskFunction entry, void* data,
                          const SpawnOptions& options) __attribute__((noinline, nothrow));
// The same without options.
std::int32_t spawn_plainly(HandleBits runtime, HandleBits* out, TaskFunction entry, void* data,
                           const void* origin) __attribute__((noinline, nothrow));

ZIO_INLINE std::int32_t spawn(HandleBits runtime, HandleBits* out, TaskFunction entry, void* data,
                              const void* origin) {
    Worker* w = current_worker;
    if (ZIO_UNLIKELY(entry == nullptr || w == nullptr ||
                     (runtime != 0 && runtime != w->runtime_handle))) {
        return spawn_plainly(runtime, out, entry, data, origin);
    }
    Task* task = w->free_blocks;
    const std::uint16_t bits = w->initial_bits;
    if (ZIO_UNLIKELY(task == nullptr || (bits & bit::spawn_slowly) != 0)) {
        return spawn_plainly(runtime, out, entry, data, origin);
    }
    w->free_blocks = task->next;
    os::probe::spawn(task, reinterpret_cast<const void*>(entry));  // here it is in its register yet
    task->start.entry = entry;
    task->start.data = data;
    task->start.free_data = nullptr;
    set_origin(*task, origin);
    task->state = TaskState::fresh;
    task->priority = 0;
    task->bits = bits;
    task->joiners = nullptr;
    task->references = out != nullptr;
    begin_life(*task);
    push_fresh(w, task);
    w->created_count = w->created_count + 1;
    if (out != nullptr) *out = handle_of(*task);
    return offer_spawned(w);
}

// The calling task has accepted a connection: the next task that it spawns, which is to serve it,
// goes to the worker that serves the fewest.
void spread_next();

// At home: a task that was launched from elsewhere is one of the worker's own, with a stack and a
// place among the timers. False: there is no room for it now.
bool take_in(Worker* w, Task& task);

// A complete task that nobody runs yet, with one reference and an Extra.
std::int32_t make_prepared(Runtime& runtime, TaskFunction entry, const SpawnOptions& options,
                           Task** out);

struct Storage {
    std::size_t context_size, context_align;
    std::size_t result_size, result_align;
    void* context;  // out
    void* result;   // out
};
std::int32_t prepare(HandleBits runtime, HandleBits* out, TaskFunction entry, Storage* storage,
                     const SpawnOptions& options);
std::int32_t launch(HandleBits task);
std::int32_t discard(HandleBits task);
void* result_of(HandleBits task);

// ---- references and what a handle tells
HandleBits reference(HandleBits task);  // 0: dead, or too many
std::int32_t unreference_slowly(HandleBits handle) __attribute__((noinline, nothrow));

std::uint64_t id_of(HandleBits task);  // 0: dead
std::int32_t set_task_name(HandleBits task, const char* name, std::size_t size);
std::int32_t stack_of(HandleBits task, void** low, std::size_t* size);
std::size_t stack_remaining();

}  // namespace zio::runtime
