// SPDX-License-Identifier: MIT
#include "core/runtime/local.hpp"

#include "core/base/error.hpp"
#include "core/base/memory.hpp"
#include "core/runtime/extra.hpp"
#include "core/runtime/worker.hpp"

namespace zio::runtime {

struct Local {
    void* value;
    bool inherited;  // its destructor is the spawner's affair
};
constexpr std::uint32_t chunk_size = 32;
struct LocalChunk {
    Local locals[chunk_size];
};
struct Locals {
    LocalChunk* chunks[local_key_limit / chunk_size];
};

namespace {

struct Key {
    Atomic<std::uint32_t> flags;
    Atomic<FreeFunction> destructor;
};
Key keys[local_key_limit];
Atomic<std::uint32_t> key_count{0};
Atomic<bool> any_inherits{false};
constexpr int destructor_rounds = 4;

Task* running_task() {
    Worker* w = worker_of_this_task();
    if (w == nullptr) return nullptr;
    return w->current;
}

// Where the running task's values are: its own, or what it inherited until it sets one.
Locals* locals_of(const Task& task) {
    if (task.has(bit::large_end)) return head_of(task).locals;
    return task.extra != 0 ? extra_of(task).inherited : nullptr;
}

Local* slot_for(Locals& locals, std::uint32_t key) {
    LocalChunk*& chunk = locals.chunks[key / chunk_size];
    if (chunk == nullptr) chunk = create<LocalChunk>(LocalChunk{});
    return chunk != nullptr ? &chunk->locals[key % chunk_size] : nullptr;
}

}  // namespace

std::int32_t create_key(std::uint32_t* key, std::uint32_t flags, FreeFunction destructor) {
    if (key == nullptr || (flags & ~key_inherit) != 0) return error::invalid_argument;
    std::uint32_t made = key_count.load(std::memory_order_relaxed);
    do {
        if (made == local_key_limit) return error::would_block;
    } while (!key_count.compare_exchange_weak(made, made + 1, std::memory_order_relaxed));
    keys[made].flags.store(flags, std::memory_order_relaxed);
    keys[made].destructor.store(destructor, std::memory_order_release);
    if ((flags & key_inherit) != 0) any_inherits.store(true, std::memory_order_relaxed);
    *key = made;
    return 0;
}

std::int32_t set_local(std::uint32_t key, void* value) {
    Task* task = running_task();
    if (task == nullptr) return error::no_task;
    if (key >= key_count.load(std::memory_order_acquire)) return error::invalid_argument;
    Locals* locals = locals_of(*task);
    const bool is_first = locals == nullptr;
    if (is_first) {
        if (value == nullptr) return 0;
        locals = create<Locals>(Locals{});
        if (locals == nullptr) return error::no_memory;
    }
    Local* local = slot_for(*locals, key);
    const bool owned = task->has(bit::large_end);
    if (local == nullptr) {
        if (is_first) release_locals(locals);
        return error::no_memory;
    }
    *local = {value, false};
    if (!owned) {  // from now on they are this task's own
        head_of(*task).locals = locals;
        if (task->extra != 0) extra_of(*task).inherited = nullptr;
        task->bits |= bit::large_end;
    }
    // A spawn must look for values to hand on from now on.
    if ((keys[key].flags.load(std::memory_order_relaxed) & key_inherit) != 0) {
        current_worker->slow_down_spawns();
    }
    return 0;
}

void* get_local(std::uint32_t key) {
    Task* task = running_task();
    if (task == nullptr || key >= key_count.load(std::memory_order_acquire)) return nullptr;
    const Locals* locals = locals_of(*task);
    if (locals == nullptr) return nullptr;
    const LocalChunk* chunk = locals->chunks[key / chunk_size];
    return chunk != nullptr ? chunk->locals[key % chunk_size].value : nullptr;
}

Locals* inheritable_locals() {
    if (!any_inherits.load(std::memory_order_relaxed)) return nullptr;
    Task* task = running_task();
    return task != nullptr ? locals_of(*task) : nullptr;
}

bool inherit_locals(Task& task, const Locals& from) {
    Locals* locals = nullptr;
    const std::uint32_t count = key_count.load(std::memory_order_acquire);
    for (std::uint32_t key = 0; key < count; ++key) {
        if ((keys[key].flags.load(std::memory_order_relaxed) & key_inherit) == 0) continue;
        const LocalChunk* chunk = from.chunks[key / chunk_size];
        void* value = chunk != nullptr ? chunk->locals[key % chunk_size].value : nullptr;
        if (value == nullptr) continue;
        if (locals == nullptr) locals = create<Locals>(Locals{});
        Local* local = locals != nullptr ? slot_for(*locals, key) : nullptr;
        if (local == nullptr) {
            release_locals(locals);
            return false;
        }
        *local = {value, true};
    }
    extra_of(task).inherited = locals;
    return true;
}

void release_locals(Locals* locals) {
    if (locals == nullptr) return;
    for (LocalChunk* chunk : locals->chunks) destroy(chunk);
    destroy(locals);
}

void end_locals(Task& task) {
    Locals* locals = head_of(task).locals;
    const std::uint32_t count = key_count.load(std::memory_order_acquire);
    bool found = true;
    for (int round = 0; found && round < destructor_rounds; ++round) {
        found = false;
        for (std::uint32_t key = 0; key < count; ++key) {
            LocalChunk* chunk = locals->chunks[key / chunk_size];
            if (chunk == nullptr) continue;
            const Local local = chunk->locals[key % chunk_size];
            const FreeFunction destructor = keys[key].destructor.load(std::memory_order_acquire);
            if (local.value == nullptr || local.inherited || destructor == nullptr) continue;
            chunk->locals[key % chunk_size] = {};
            destructor(local.value);
            found = true;
        }
    }
    release_locals(locals);
    head_of(task).locals = nullptr;
    task.bits &= static_cast<std::uint16_t>(~bit::large_end);
}

}  // namespace zio::runtime
