// SPDX-License-Identifier: MIT
#include "core/runtime/spawn.hpp"

#include "core/base/memory.hpp"
#include "core/base/mutant.hpp"
#include "core/runtime/end.hpp"
#include "core/runtime/extra.hpp"
#include "core/runtime/group.hpp"
#include "core/runtime/local.hpp"
#include "core/runtime/runtime.hpp"
#include "core/runtime/send.hpp"

namespace zio::runtime {

namespace {

constexpr std::uint32_t blocks_per_batch = 16;

std::size_t length_of(const char* text) {
    std::size_t size = 0;
    while (text[size] != '\0') ++size;
    return size;
}

// A block from the table, with nothing of its last life.
Task* take_block(std::uint16_t home) {
    Task* task = tasks.take();
    if (task == nullptr) return nullptr;
    task->due = forever;
    task->heap_place = 0;
    task->home.store(home, std::memory_order_release);
    return task;
}

// Whether there may be `more` live tasks. Spawns into a runtime with a limit all come by here.
std::int32_t check_limit(const Runtime& runtime, std::uint32_t more) {
    const std::uint64_t limit = runtime.task_limit();
    if (limit == 0 || runtime.live_count() + more <= limit) return 0;
    set_error_detail("the runtime's max_tasks is reached");
    return error::would_block;
}

// Blocks for this worker, and with each of them a stack and a place among the timers.
std::int32_t more_blocks(Worker* w) {
    for (std::uint32_t i = 0; i < blocks_per_batch; ++i) {
        if (!w->timers.reserve(w->block_count + 2)) break;
        if (!w->stacks.guarantee(w->block_count + 1)) {
            if (w->free_blocks != nullptr) break;
            set_error_detail(w->stacks.explanation());
            return error::no_stack;
        }
        Task* task = take_block(w->index);
        if (task == nullptr) break;
        ++w->block_count;
        task->next = w->free_blocks;
        w->free_blocks = task;
    }
    return w->free_blocks != nullptr ? 0 : error::no_memory;
}

// Fills a block that nobody else sees yet.
std::int32_t fill(Task& task, Worker& w, TaskFunction entry, void* data,
                  const SpawnOptions& options) {
    task.start = {entry, data, options.free_data, nullptr};
    set_origin(task, options.origin);
    task.priority = static_cast<std::uint8_t>(options.priority);
    const bool migrates = (options.flags & task_migratable) != 0 && w.runtime->moves_started();
    if (migrates) task.priority |= migratable;
    task.bits = w.task_bits;
    if (task.priority != 0) task.bits |= bit::prioritized;
    if ((options.flags & task_pin_here) != 0) task.bits |= bit::pinned;
    if ((options.flags & task_keep_fp) != 0) task.bits |= bit::keeps_fp;
    task.joiners = nullptr;
    Locals* inherited = inheritable_locals();
    const bool sized = options.stack_size != 0 && options.stack_size != w.runtime->stack_size();
    if (options.name == nullptr && !sized && options.group == nullptr && inherited == nullptr &&
        !migrates) {
        return 0;
    }
    if (!need_extra(task)) return error::no_memory;
    Extra& extra = extra_of(task);
    if (options.name != nullptr) set_name(extra, options.name, length_of(options.name));
    extra.stack_size = sized ? options.stack_size : 0;
    extra.group = options.group;
    if (inherited != nullptr && !inherit_locals(task, *inherited)) return error::no_memory;
    return 0;
}

// At home: a stack of the size that was asked for, before the spawn succeeds.
std::int32_t reserve_stack(Worker* w, Task& task) {
    if (task.extra == 0 || extra_of(task).stack_size == 0) return 0;
    task.stack = w->stacks.take_sized(extra_of(task).stack_size, &extra_of(task).stack_class);
    if (task.stack != nullptr) return 0;
    extra_of(task).stack_class = nullptr;
    set_error_detail(w->stacks.explanation());
    return error::no_stack;
}

// Complete in all its parts: from here on others may know it. A group sees it before its handle
// is given out. A refusal leaves the slot free.
std::int32_t come_to_life(Task& task, TaskState state, bool referenced,
                          const SpawnOptions& options) {
    task.references = referenced;
    begin_life(task);
    task.state.publish(state);
    const auto* entry = reinterpret_cast<const void*>(task.start.entry);
    const std::int32_t status =
        options.group != nullptr ? enter_group(*options.group, options.group_generation, task) : 0;
    if (status != 0) {
        task.state = TaskState::unused;
        task.word.fetch_or(word::free, std::memory_order_relaxed);
        return status;
    }
    os::probe::spawn(&task, entry);
    return 0;
}

void give_block(Task& task) {
    free_extra(task);
    task.home.store(0, std::memory_order_relaxed);
    tasks.give(task);
}

// A task in a block that its home does not count among its own yet. Gives the block back on error.
std::int32_t make_uncounted(Task& task, Worker& home, TaskState state, bool referenced,
                            TaskFunction entry, void* data, const SpawnOptions& options) {
    std::int32_t status = fill(task, home, entry, data, options);
    task.bits |= bit::uncounted;
    if (status == 0) status = come_to_life(task, state, referenced, options);
    if (status != 0) give_block(task);
    return status;
}

// On another worker: the block goes by its inbox. The caller has counted the task.
std::int32_t spawn_at(Worker& home, HandleBits* out, TaskFunction entry, void* data,
                      const SpawnOptions& options) {
    std::int32_t status = check_limit(*home.runtime, 0);  // it is among the live ones already
    if (status != 0) return status;
    if (home.is_full) {
        set_error_detail("no stack could be had for the tasks that came before");
        return error::no_stack;
    }
    Task* task = take_block(home.index);
    if (task == nullptr) return error::no_memory;
    const bool referenced = ZIO_MUTANT(65, false, out != nullptr);
    status = make_uncounted(*task, home, TaskState::launched, referenced, entry, data, options);
    if (status != 0) return status;
    if (out != nullptr) *out = handle_of(*task);
    home.arriving.fetch_add(1, std::memory_order_relaxed);
    if (ZIO_MUTANT(66, (mark(*task, word::launch), true), mark(*task, word::launch))) {
        deliver(*task);
    }
    ZIO_IF_MUTANT(65, check::let_others_go_on(), task->references = out != nullptr;)
    return 0;
}

// Into a runtime from a plain thread or from another runtime's task.
std::int32_t spawn_elsewhere(Runtime& runtime, HandleBits* out, TaskFunction entry, void* data,
                             const SpawnOptions& options) {
    if (const std::int32_t status = runtime.admit()) return status;
    const std::int32_t status = spawn_at(runtime.next_home(), out, entry, data, options);
    if (status != 0) runtime.withdraw_admission();
    return status;
}

// What was accepted here shall be served where the fewest are, and so shall a task of a class of
// its own, which no other worker takes over. Null: here.
Worker* spread_from(Worker* w) {
    Runtime& runtime = *w->runtime;
    w->spreads = false;
    if (!w->is_slow) w->initial_bits = w->task_bits;
    Worker& found = runtime.least_loaded(*w);
    if (&found != w) return &found;
    ++w->kept_count;
    return nullptr;
}

std::int32_t spawn_here(Worker* w, HandleBits* out, TaskFunction entry, void* data,
                        const SpawnOptions& options) {
    if (ZIO_MUTANT(50, false, w->stopping)) return error::stopping;
    const bool has_class = options.priority != 0 && w->shares;
    if ((w->spreads || has_class) && (options.flags & task_pin_here) == 0) {
        if (Worker* other = spread_from(w)) {
            w->created_count = w->created_count + 1;
            const std::int32_t status = spawn_at(*other, out, entry, data, options);
            if (status == 0) return 0;
            w->created_count = w->created_count - 1;
            if (status != error::no_stack) return status;
        }
    }
    if (const std::int32_t status = check_limit(*w->runtime, 1)) return status;
    if (w->free_blocks == nullptr) {
        if (const std::int32_t status = more_blocks(w)) return status;
    }
    Task* task = w->free_blocks;
    w->free_blocks = task->next;
    std::int32_t status = fill(*task, *w, entry, data, options);
    if (status == 0) status = reserve_stack(w, *task);
    if (status == 0) status = come_to_life(*task, TaskState::fresh, out != nullptr, options);
    if (status != 0) {
        if (task->extra != 0 && extra_of(*task).stack_class != nullptr) {
            w->stacks.give_sized(task->stack, extra_of(*task).stack_class);
        }
        free_extra(*task);
        task->next = w->free_blocks;
        w->free_blocks = task;
        return status;
    }
    queue_fresh(w, task);
    w->created_count = w->created_count + 1;
    if (out != nullptr) *out = handle_of(*task);
    return offer_spawned(w);
}

}  // namespace

std::int32_t make_prepared(Runtime& runtime, TaskFunction entry, const SpawnOptions& options,
                           Task** out) {
    Worker& home = runtime.next_home();
    if (const std::int32_t status = check_limit(runtime, 1)) return status;
    Task* task = take_block(home.index);
    if (task == nullptr) return error::no_memory;
    if (!need_extra(*task)) {
        give_block(*task);
        return error::no_memory;
    }
    const std::int32_t status =
        make_uncounted(*task, home, TaskState::prepared, true, entry, nullptr, options);
    if (status == 0) *out = task;
    return status;
}

// A launch always goes by the inbox, also at home: that is where a task that comes from outside
// gets its stack and its place among the timers.
std::int32_t launch(HandleBits handle) {
    Task* task = live_task_at(handle);
    if (task == nullptr) return tasks.dead(handle);
    const Hold hold(*task, generation_of(handle));
    if (hold.status() != 0) return hold.status();
    if (task->state != TaskState::prepared) return error::already;
    Runtime* home = pin_home(*task);
    if (home == nullptr) return error::stopping;
    std::int32_t status = home->admit();
    if (status == 0) {
        if (task->state.exchange_if(TaskState::prepared, TaskState::launched)) {
            worker_of(*task).arriving.fetch_add(1, std::memory_order_relaxed);
            status = send(*task, generation_of(handle), word::launch, 0);
        } else {
            home->withdraw_admission();
            status = error::already;
        }
    }
    home->unpin();
    return status;
}

void spread_next() {
    Worker* w = current_worker;
    if (w == nullptr || !w->shares) return;
    w->spreads = true;
    w->initial_bits |= bit::spawn_slowly;
}

bool take_in(Worker* w, Task& task) {
    const std::uint32_t count = w->block_count + 1;
    if (!w->timers.reserve(count + 2) || !w->stacks.guarantee(count)) return false;
    if (reserve_stack(w, task) != 0) return false;
    w->block_count = count;
    task.bits &= static_cast<std::uint16_t>(~bit::uncounted);
    return true;
}

std::int32_t spawn_slowly(HandleBits runtime_handle, HandleBits* out, TaskFunction entry,
                          void* data, const SpawnOptions& options) {
    if (entry == nullptr) return error::invalid_argument;
    Worker* w = current_worker;
    if (runtime_handle == 0 && w == nullptr) return error::no_task;
    if (w != nullptr && (runtime_handle == 0 || runtime_handle == w->runtime_handle)) {
        return spawn_here(w, out, entry, data, options);
    }
    Runtime* runtime = nullptr;
    if (const std::int32_t status = Runtime::pin(runtime_handle, &runtime)) return status;
    const std::int32_t status = spawn_elsewhere(*runtime, out, entry, data, options);
    runtime->unpin();
    return status;
}

std::int32_t spawn_plainly(HandleBits runtime, HandleBits* out, TaskFunction entry, void* data,
                           const void* origin) {
    SpawnOptions options;
    options.origin = origin;
    return spawn_slowly(runtime, out, entry, data, options);
}

}  // namespace zio::runtime
