// SPDX-License-Identifier: MIT
#pragma once
// Tasks waiting on an object, first come first served. The one list and the one rule for all of
// them:
//
// Whoever takes a wait node out, under the object's LOCK, owes its task exactly one `wake`. Until
// that came the task does not return, whatever else happens: a hand-off always wins, the call
// returns what it was given, and a cancel stays pending. A waiter that is canceled or late takes
// LOCK and looks whether its node is still linked: then it unlinks itself and leaves.
#include "core/base/mutant.hpp"
#include "core/base/object_word.hpp"
#include "core/runtime/task.hpp"

namespace zio::runtime {

struct WaitList {
    Task* first = nullptr;
    Task* last = nullptr;
    ObjectWord* owner = nullptr;  // its LOCK guards this list

    bool empty() const { return first == nullptr; }

    // All under LOCK.
    void append(Task& task) {
        task.wait.next = nullptr;
        task.wait.previous = last;
        (last != nullptr ? last->wait.next : first) = &task;
        last = &task;
        set_link(task, this);
    }
    void remove(Task& task) {
        Task* next = task.wait.next;
        Task* previous = task.wait.previous;
        (previous != nullptr ? previous->wait.next : first) = next;
        (next != nullptr ? next->wait.previous : last) = previous;
        set_link(task, nullptr);
    }
    // The caller owes this task a wake after the unlock.
    Task* take_first() {
        Task* task = first;
        if (task != nullptr) remove(*task);
        return task;
    }
    // Takes all out, as a chain linked by wait.next; each of them is owed a wake.
    Task* take_all() {
        Task* chain = first;
        for (Task* task = first; task != nullptr; task = task->wait.next) {
            ZIO_UNLESS_MUTANT(57) set_link(*task, nullptr);
        }
        first = last = nullptr;
        return chain;
    }

    // The list a waiting task is linked in; null once somebody has taken it out.
    static WaitList* of(const Task& task) {
        return static_cast<WaitList*>(load_acquire(task.wait.object));
    }

  private:
    static void set_link(Task& task, WaitList* list) {
        store_release(task.wait.object, static_cast<void*>(list));
    }
};

// At home: takes a waiting task out of its list. False: somebody has already, a wake is coming.
bool withdraw(Task& task);

// Wakes a chain that `take_all` gave. A task is not touched after its wake.
void wake_all(Task* chain, std::int32_t verdict);

}  // namespace zio::runtime
