// SPDX-License-Identifier: MIT
// Two-phase spawn, references, and what a handle tells about its task.
#include "core/base/memory.hpp"
#include "core/base/mutant.hpp"
#include "core/runtime/detour.hpp"
#include "core/runtime/end.hpp"
#include "core/runtime/extra.hpp"
#include "core/runtime/join.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/reference.hpp"
#include "core/runtime/runtime.hpp"
#include "core/runtime/send.hpp"

namespace zio::runtime {

namespace {

constexpr std::size_t default_align = 16;
constexpr std::size_t largest_align = 4096;
constexpr std::size_t largest_storage = std::size_t{1} << 30;

bool is_align(std::size_t align) {
    return align <= largest_align && (align & (align - 1)) == 0;
}
std::size_t aligned(std::size_t offset, std::size_t align) {
    return (offset + align - 1) & ~(align - 1);
}

// Lays closure and result out one behind the other, inline when they fit.
std::int32_t lay_out(Extra& extra, Storage& storage) {
    const std::size_t context_align =
        storage.context_align != 0 ? storage.context_align : default_align;
    const std::size_t result_align =
        storage.result_align != 0 ? storage.result_align : default_align;
    const std::size_t most_align = context_align > result_align ? context_align : result_align;
    const std::size_t result_offset = aligned(storage.context_size, result_align);
    const std::size_t size = result_offset + storage.result_size;
    char* memory = reinterpret_cast<char*>(extra.storage);
    if (size > extra_storage_size || most_align > alignof(Extra)) {
        extra.large_size = aligned(size, storage_align) + most_align;
        extra.large_storage = allocate(extra.large_size, storage_align);
        if (extra.large_storage == nullptr) return error::no_memory;
        memory = reinterpret_cast<char*>(
            aligned(reinterpret_cast<std::uintptr_t>(extra.large_storage), most_align));
    }
    for (std::size_t i = 0; i < size; ++i) memory[i] = 0;
    extra.context = storage.context = memory;
    extra.result = storage.result = memory + result_offset;
    return 0;
}

void free_closure(FreeFunction free_data, void* data) {
    Worker* w = current_worker;
    if (w == nullptr) return free_data(data);
    const NoSuspend region(w, *w->current);
    free_data(data);
}

}  // namespace

std::int32_t prepare(HandleBits runtime_handle, HandleBits* out, TaskFunction entry,
                     Storage* storage, const SpawnOptions& options) {
    if (out == nullptr || entry == nullptr || !is_align(storage->context_align) ||
        !is_align(storage->result_align)) {
        return error::invalid_argument;
    }
    if (storage->context_size > largest_storage || storage->result_size > largest_storage) {
        return error::too_big;
    }
    Worker* w = current_worker;
    if (runtime_handle == 0 && w == nullptr) return error::no_task;
    Runtime* runtime = nullptr;
    if (const std::int32_t status =
            Runtime::pin(runtime_handle != 0 ? runtime_handle : w->runtime_handle, &runtime)) {
        return status;
    }
    Task* task = nullptr;
    std::int32_t status =
        runtime->refuses_tasks() ? error::stopping : make_prepared(*runtime, entry, options, &task);
    if (status == 0) {
        status = lay_out(extra_of(*task), *storage);
        if (status == 0) {
            task->start.data = storage->context;
            task->verdict = error::canceled;  // its result if it is never launched
            *out = handle_of(*task);
        } else {
            task->state.publish(TaskState::done);
            unreference_slowly(handle_of(*task));
        }
    }
    runtime->unpin();
    return status;
}

std::int32_t discard(HandleBits handle) {
    if (handle == 0) return 0;
    Task* task = live_task_at(handle);
    if (task == nullptr) return tasks.dead(handle);
    const Hold hold(*task, generation_of(handle));
    if (hold.status() != 0) return hold.status();
    if (!task->state.exchange_if(TaskState::prepared, TaskState::done)) return error::already;
    const FreeFunction free_data = task->start.free_data;
    void* const data = task->start.data;
    if (free_data != nullptr) free_closure(free_data, data);  // the closure lies in the task
    if (at_home(current_worker, task)) {
        end_unstarted(current_worker, *task);
    } else {
        send(*task, generation_of(handle), word::join, 0);  // home looks who waits for it
    }
    return unreference_slowly(handle);
}

void* result_of(HandleBits handle) {
    Task* task = live_task_at(handle);
    if (task == nullptr) return nullptr;
    const Hold hold(*task, generation_of(handle));
    return hold.status() == 0 && task->extra != 0 ? extra_of(*task).result : nullptr;
}

HandleBits reference(HandleBits handle) {
    Task* task = live_task_at(handle);
    if (task == nullptr) return 0;
    if (at_home(current_worker, task) && task->references < merge_limit) {
        ++task->references;
        return handle;
    }
    return send(*task, generation_of(handle), 0, 1) == 0 ? handle : 0;
}

std::int32_t unreference_slowly(HandleBits handle) {
    Task* task = live_task_at(handle);
    if (task == nullptr) return tasks.dead(handle);
    Worker* w = current_worker;
    if (!at_home(w, task)) return send(*task, generation_of(handle), word::merge, -1);
    if (task->references <= 0) {
        // What others made counts too. It moves here first: were it left there, the last of them
        // to be given back elsewhere would still stand above the bias and tell nobody.
        ZIO_UNLESS_MUTANT(28) merge_references(*task);
        if (task->references <= 0) return error::bad_handle;  // one too many
    }
    --task->references;
    if (task->references <= 0 && task->state == TaskState::done) try_free(w, task);
    return 0;
}

HandleBits self() {
    Worker* w = current_worker;
    return w != nullptr && w->current != &w->native ? handle_of(*w->current) : 0;
}

std::uint64_t id_of(HandleBits handle) {
    return live_task_at(handle) != nullptr ? task_number(handle) : 0;
}

std::int32_t set_task_name(HandleBits handle, const char* name, std::size_t size) {
    Task* task = live_task_at(handle);
    if (task == nullptr) return tasks.dead(handle);
    if (name == nullptr && size != 0) return error::invalid_argument;
    if (size == SIZE_MAX) {
        size = 0;
        while (name[size] != '\0') ++size;
    }
    const Hold hold(*task, generation_of(handle));
    if (hold.status() != 0) return hold.status();
    if (!need_extra(*task)) return error::no_memory;
    set_name(extra_of(*task), name, size);
    return 0;
}

std::int32_t stack_of(HandleBits handle, void** low, std::size_t* size) {
    Task* task = live_task_at(handle);
    if (task == nullptr) return tasks.dead(handle);
    if (low == nullptr || size == nullptr) return error::invalid_argument;
    const Hold hold(*task, generation_of(handle));
    if (hold.status() != 0) return hold.status();
    const TaskState state = task->state.observe();  // and with it the stack
    if (state == TaskState::done) return error::closed;
    if (state <= TaskState::fresh) return error::would_block;
    Runtime* home = pin_home(*task);
    if (home == nullptr) return error::closed;
    const context::StackBounds bounds = stacks_of(worker_of(*task), *task).bounds(task->stack);
    home->unpin();
    *low = bounds.low;
    *size = bounds.size;
    return 0;
}

std::size_t stack_remaining() {
    Worker* w = current_worker;
    if (w == nullptr || w->current == &w->native) return 0;
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    const context::StackBounds bounds = stacks_of(*w, *w->current).bounds(w->current->stack);
    const auto low = reinterpret_cast<std::uintptr_t>(bounds.low);
    return here > low && here <= low + bounds.size ? here - low : 0;
}

}  // namespace zio::runtime
