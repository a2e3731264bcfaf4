// SPDX-License-Identifier: MIT
#include "core/runtime/task.hpp"

#include "core/base/memory.hpp"
#include "core/os/memory.hpp"
#include "core/runtime/end.hpp"
#include "core/runtime/extra.hpp"
#include "core/runtime/fork.hpp"
#include "core/runtime/local.hpp"

namespace zio::runtime {

SpinLock extras_lock;
Extra* extras = nullptr;

namespace {

// Extras are numbered from 1; like slots they never move and are never unmapped.
std::uint32_t extras_reserved = 0;
std::uint32_t extras_made = 1;
Extra* extras_free = nullptr;

Extra* take_extra() {
    extras_lock.lock();
    for (std::uint32_t count = handle_index_limit; extras == nullptr && count >= 1024; count /= 4) {
        extras = static_cast<Extra*>(reserve_slots(std::size_t{count} * sizeof(Extra), nullptr));
        if (extras != nullptr) extras_reserved = count;
    }
    Extra* extra = extras_free;
    if (extra != nullptr) {
        extras_free = extra->next;
    } else if (extras != nullptr && extras_made < extras_reserved) {
        if (extras_made == 1 || extras_made % slots_per_batch == 0) {
            const std::uint32_t first = extras_made / slots_per_batch * slots_per_batch;
            const std::uint32_t left = extras_reserved - first;
            const std::size_t count = left < slots_per_batch ? left : slots_per_batch;
            reserve_slots(count * sizeof(Extra), &extras[first]);
        }
        extra = &extras[extras_made++];
    }
    extras_lock.unlock();
    return extra;
}

void give_extra(Extra* extra) {
    extras_lock.lock();
    extra->next = extras_free;
    extras_free = extra;
    extras_lock.unlock();
}

}  // namespace

void* reserve_slots(std::size_t size, void* used) {
    // Under a limit the stacks need the room more than tables for millions of handles.
    constexpr std::uint64_t most_parts = 64;
    if (used == nullptr && size > os::address_space_limit() / most_parts) return nullptr;
    if (used == nullptr) return os::memory_table.reserve(size);
    os::memory_table.show_in_dumps(static_cast<char*>(used), size);
    return used;
}

constinit TaskTable tasks{reserve_slots, word::one_generation | word::bias | word::free};

Extra& extra_at(std::uint32_t index) {
    return extras[index];
}

bool add_extra(Task& task) {
    Extra* extra = take_extra();
    if (extra == nullptr) return false;
    extra->next = nullptr;
    extra->name[0] = '\0';
    extra->group = nullptr;
    extra->group_next = extra->group_previous = nullptr;
    extra->group_told = false;
    extra->stack_class = nullptr;
    extra->stack_size = 0;
    extra->stack_home = 0;
    extra->join_requests = nullptr;
    extra->inherited = nullptr;
    extra->context = extra->result = nullptr;
    extra->large_storage = nullptr;
    extra->large_size = 0;
    // A name may come from another thread meanwhile.
    if (!task.extra.exchange_if(0, static_cast<std::uint32_t>(extra - extras))) give_extra(extra);
    return true;
}

void free_extra(Task& task) {
    if (task.extra == 0) return;
    Extra& extra = extra_of(task);
    ZIO_ASSERT(extra.join_requests == nullptr);
    if (extra.inherited != nullptr) release_locals(extra.inherited);
    if (extra.large_storage != nullptr) {
        release(extra.large_storage, extra.large_size, storage_align);
    }
    task.extra = 0;
    give_extra(&extra);
}

void set_name(Extra& extra, const char* name, std::size_t size) {
    if (size > task_name_size - 1) size = task_name_size - 1;
    extras_lock.lock();
    for (std::size_t i = 0; i < size; ++i) extra.name[i] = name[i];
    extra.name[size] = '\0';
    extras_lock.unlock();
}

void copy_name(const Extra& extra, char (&out)[task_name_size]) {
    extras_lock.lock();
    for (std::size_t i = 0; i < task_name_size; ++i) out[i] = extra.name[i];
    extras_lock.unlock();
}

}  // namespace zio::runtime
