// SPDX-License-Identifier: MIT
#include "core/runtime/wait_list.hpp"

#include "core/base/mutant.hpp"
#include "core/runtime/send.hpp"

namespace zio::runtime {

bool withdraw(Task& task) {
    WaitList* list = WaitList::of(task);
    if (list == nullptr) return false;
    ObjectWord& owner = *list->owner;
    object_word::take_lock(owner);
    const bool linked = ZIO_MUTANT(56, true, WaitList::of(task) == list);
    if (linked) list->remove(task);
    object_word::release_lock(owner);
    return linked;
}

void wake_all(Task* chain, std::int32_t verdict) {
    while (chain != nullptr) {
        Task* task = chain;
        chain = task->wait.next;
        wake(*task, verdict);
    }
}

}  // namespace zio::runtime
