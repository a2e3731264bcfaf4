// SPDX-License-Identifier: MIT
#pragma once
// The task block: all that a task is while it does not run. Its slot in the handle table *is* this
// block, 128 bytes in two lines in the order of use.
//
// The one idea: everything about a task (state, queue links, wait record, timer, most references)
// belongs to its home worker and is plain memory there. Other threads may only change the first
// word, by compare-exchange, and push the task once on its home's inbox.
//
//   word = generation:32 | shared references:16 (biased) | flags:16
//
//   elsewhere  one exchange checks the generation, leaves a message, changes the shared count and
//              sets POSTED; who turned POSTED on pushes the task on the home's inbox. POSTED keeps
//              the slot: it is not freed before home has popped it.
//   home       reads the mail link first, then one exchange clears POSTED and all messages and
//              merges the shared count into the home count, then acts on the bits it saw.
//   free       the slot says FREE between two lives, so that a guessed next generation is refused;
//              a spawn stores the word plainly, nobody else writes it then
//   life       a look-up at home needs only a load of the generation, because slots are freed at
//              home only; one exchange at the end of life moves the generation on, so that a late
//              call from elsewhere loses.
//
// Orders: every change of the word from elsewhere is acq_rel, so that what was written before a
// message is seen by home, also by way of those who found POSTED set (all later changes are
// read-modify-writes, the release sequence holds). tests/models/task.pml and join.pml verify this.
#include <cstddef>
#include <cstdint>

#include "core/base/atomic.hpp"
#include "core/base/attributes.hpp"
#include "core/base/inbox.hpp"
#include "core/base/relaxed.hpp"
#include "core/base/slot_table.hpp"
#include "core/base/time.hpp"
#include "core/context/context.hpp"
#include "core/context/exception_globals.hpp"
#include "core/context/fp_control.hpp"
#include "core/context/sanitizer.hpp"
#include "core/context/stack_class.hpp"

namespace zio::loop {
struct Operation;
}

namespace zio::runtime {

struct Task;
struct Group;
class Worker;

using TaskFunction = std::int32_t (*)(void* data);
using FreeFunction = void (*)(void* data);

// ---- the word
namespace word {
inline constexpr std::uint64_t cancel = 1 << 0;     // a request that nobody has met yet
inline constexpr std::uint64_t posted = 1 << 1;     // on its way to, or in, the home's inbox
inline constexpr std::uint64_t unpark = 1 << 2;     // messages: give it the token
inline constexpr std::uint64_t interrupt = 1 << 3;  // end the wait, if the cancel still stands
inline constexpr std::uint64_t woken = 1 << 4;      // taken out of its list, verdict is set
inline constexpr std::uint64_t merge = 1 << 5;      // the shared count fell to its bias
inline constexpr std::uint64_t join = 1 << 6;       // a request lies on the home's list
inline constexpr std::uint64_t launch = 1 << 7;     // spawned from elsewhere: make it ready
inline constexpr std::uint64_t close = 1 << 8;      // its operation's descriptor is closed
inline constexpr std::uint64_t free = 1 << 9;       // between two lives: takes no message
inline constexpr std::uint64_t messages =
    posted | unpark | interrupt | woken | merge | join | launch | close;
inline constexpr std::uint64_t flags = 0xffff;
inline constexpr std::uint64_t one_reference = 1 << 16;
inline constexpr std::uint64_t bias = std::uint64_t{0x4000} << 16;
inline constexpr std::uint64_t count = std::uint64_t{0xffff} << 16;
inline constexpr std::uint64_t one_generation = std::uint64_t{1} << 32;

// References that were made elsewhere; negative when more were given back there.
constexpr int shared_references(std::uint64_t value) {
    return static_cast<int>((value & count) >> 16) - static_cast<int>(bias >> 16);
}
}  // namespace word
// Home and shared counts are added up as long as the sum fits the home's 16 bits with room left.
inline constexpr int merge_limit = 16'000;

//   unused ──spawn──► fresh ──first run──► ready ◄──wake── parked … grouped
//     ▲                 │                    │  └──wait────────►
//     └──last reference─┴──────── done ◄─────┘
// `ready` is running or in the ready queue. What lies above it waits.
enum class TaskState : std::uint8_t {
    unused,
    prepared,  // two-phase spawn: not launched yet
    launched,  // on its way home by the inbox, in no list yet
    fresh,     // has no stack yet
    done,
    ready,
    parked,  // zio_task_park: a token ends it
    sleeping,
    joining,         // a task of the same home: linked into its joiners
    joining_remote,  // a task of another home: a JoinRequest stands for it
    operating,       // an operation ends it
    listed,          // in a WaitList, under its owner's lock
};

// Task::priority: its class (0: the normal one), and whether it may move after it has started.
inline constexpr std::uint8_t class_mask = 3;
inline constexpr std::uint8_t migratable = 1 << 7;

namespace bit {
inline constexpr std::uint16_t exceptions = 1 << 0;    // exception globals are saved in the head
inline constexpr std::uint16_t hooked = 1 << 1;        // the runtime has task hooks
inline constexpr std::uint16_t keeps_fp = 1 << 2;      // floating-point control words travel along
inline constexpr std::uint16_t marked = 1 << 3;        // a sanitizer is told about switches
inline constexpr std::uint16_t prioritized = 1 << 12;  // Task::priority is not 0
inline constexpr std::uint16_t slow_switch = exceptions | hooked | keeps_fp | marked | prioritized;
inline constexpr std::uint16_t scoped = 1 << 4;  // inside a scoped timeout
inline constexpr std::uint16_t shielded = 1 << 5;
inline constexpr std::uint16_t token = 1 << 6;
inline constexpr std::uint16_t delivered = 1 << 7;  // a cancel was delivered: recancel re-arms it
inline constexpr std::uint16_t thread = 1 << 8;     // a plain thread's stand-in, not a task
inline constexpr std::uint16_t no_suspend = 1 << 9;
inline constexpr std::uint16_t large_end = 1 << 10;  // has locals: the end takes the long way
inline constexpr std::uint16_t pinned = 1 << 11;
inline constexpr std::uint16_t visiting = 1 << 15;          // its block came from elsewhere
inline constexpr std::uint16_t held = 1 << 14;              // in a wait that nothing ends early
inline constexpr std::uint16_t uncounted = 1 << 13;         // not among its home's blocks yet
inline constexpr std::uint16_t spawn_slowly = prioritized;  // of a worker's initial bits
}  // namespace bit

// A task's home is a worker's number, or 0 when that worker is gone. A task that has not started
// may lie in a worker's surplus, where any worker of the runtime may take it; who sends it a
// message there only leaves word that there is one, and who takes it looks. So may one that has
// started and is migratable, while it is ready after a yield, a sleep or a park; its stack stays
// where it is.
// tests/models/surplus.pml.
inline constexpr std::uint16_t no_home = 0;
inline constexpr std::uint16_t in_surplus = 1 << 15;      // of the worker in the lower bits
inline constexpr std::uint16_t surplus_posted = 1 << 14;  // and there is a message for it
inline constexpr std::uint32_t home_limit = 1 << 14;      // numbers are less
// The worker's, also of one in whose surplus the task lies.
constexpr std::uint16_t number_of(std::uint16_t home) {
    return home & static_cast<std::uint16_t>(home_limit - 1);
}

// What a waiting task waits for. The links belong to the list it is in.
struct Wait {
    Task* next;
    Task* previous;
    void* object;  // the list, the target or the operation; null: taken out, a message is coming
    std::int64_t value;  // since when; a join's is overwritten by the result
};

// What a task is that has not run yet.
struct Start {
    TaskFunction entry;
    void* data;
    FreeFunction free_data;
    Task* previous;  // in the list of fresh tasks; `next` is the other link
};

struct alignas(64) Task {
    // line 0: all that a switch, a join of a task that has ended, or an unref touches
    Atomic<std::uint64_t> word;
    context::Context context;
    Task* next;  // ready queue, list of fresh ones, free list
    std::int32_t saved_errno;
    std::int32_t verdict;      // why a wait ended; the result once the task is done
    Relaxed<TaskState> state;  // `done` is published: then the verdict may be read from elsewhere
    std::uint8_t priority;
    std::uint16_t bits;
    std::int16_t references;     // counted at home; may be negative when others were made elsewhere
    Atomic<std::uint16_t> home;  // see `in_surplus`
    Task* joiners;               // of the same home, linked by wait.next
    // line 1: start, wait, timer
    union {
        Start start;
        Wait wait;
    };
    Instant due;                   // when the present wait ends; `forever` when never
    Relaxed<char*> stack;          // the first stack pointer; the Head lies above it
    InboxNode mail;                // the only field beside the word that others write
    std::uint32_t heap_place;      // place among the home's timers
    Relaxed<std::uint32_t> extra;  // index of its Extra; 0: it has none. Only ever set from 0

    bool waits() const { return state > TaskState::ready; }
    std::uint32_t generation() const { return load_upper_half(word); }
    bool cancel_pending() const {
        return (word.load(std::memory_order_relaxed) & runtime::word::cancel) != 0;
    }
    bool has(std::uint16_t mask) const { return (bits & mask) != 0; }

    static Task& of_mail(InboxNode& node);
};
static_assert(sizeof(Task) == 128);
static_assert(offsetof(Task, start) == 64);
static_assert(offsetof(Task, context) == 8);

inline Task& Task::of_mail(InboxNode& node) {
    return *reinterpret_cast<Task*>(reinterpret_cast<char*>(&node) - offsetof(Task, mail));
}

// Memory for a table of slots (see `SlotTable::Reserve`), null when the address space is full.
void* reserve_slots(std::size_t size, void* used);

using TaskTable = SlotTable<Task, HandleType::task>;
extern TaskTable tasks;

ZIO_INLINE HandleBits handle_of(const Task& task) {
    return tasks.handle_of(task, task.generation());
}
// How dumps and zio_task_id name a task: its handle without the type.
constexpr std::uint64_t task_number(HandleBits handle) {
    return handle & ((HandleBits{1} << 58) - 1);
}
// The task a handle names, null when it is dead. What was checked here holds at home until the
// next switch; elsewhere only the exchange in `send` checks again.
ZIO_INLINE Task* task_at(HandleBits handle) {
    Task* task = tasks.at(handle);
    if (ZIO_UNLIKELY(task == nullptr || task->generation() != generation_of(handle)))
        return nullptr;
    return task;
}

// The same, and not a forged handle that names the next life of a free slot. The hot calls learn
// that from the state they look at anyway.
ZIO_INLINE Task* live_task_at(HandleBits handle) {
    Task* task = task_at(handle);
    return task != nullptr && task->state != TaskState::unused ? task : nullptr;
}

// ---- what lies above the first stack pointer of a started task: a page that is paid for anyway
struct Scope {
    Instant at;
    Instant outer;  // the limit that held before
    std::uint64_t token;
    std::uint32_t shields;  // open when the scope was opened
    bool fired;
};
inline constexpr std::uint32_t inline_scope_count = 3;

// A task's values for the keys of zio_task_key_create, in chunks so that few keys cost little.
struct Locals;

// Something other than a task that other threads leave in a worker's inbox (tag 1).
struct Mail {
    InboxNode node;
    void (*deliver)(Worker& worker, Mail& mail);
};
// The way of a stack back to the worker it belongs to.
struct StackReturn : Mail {
    StackReturn* next;
    char* stack;
    std::uint16_t home;
};

struct Head {
    Locals* locals;  // the first five are set at every start, in a line that the frames touch too
    const char* error_detail;
    const void* origin;  // where it was spawned: the spawning call's return address
    std::int32_t os_error;
    std::uint32_t no_suspends;
    std::uint32_t pins;
    std::uint32_t shields;
    context::ExceptionGlobals exceptions;
    std::uint32_t scope_count;
    std::uint32_t scope_capacity;
    std::uint64_t scope_serial;
    Instant limit;  // the earliest instant of the scopes that count now
    Scope* scopes;
    Scope first_scopes[inline_scope_count];
    context::FpControl fp_control;
    context::FiberMark mark;
    StackReturn stack_return;
};
ZIO_INLINE Head& head_of(const Task& task) {
    return *reinterpret_cast<Head*>(task.stack + sizeof(void*));
}

// A task that has not started keeps it where it will keep its resume address.
ZIO_INLINE const void* origin_of_unstarted(const Task& task) {
    return task.context.pc;
}
ZIO_INLINE void set_origin(Task& task, const void* origin) {
    task.context.pc = const_cast<void*>(origin);
}

// ---- what few tasks have: a name, storage for closure and result, a group, locals to inherit
inline constexpr std::size_t extra_storage_size = 320;
inline constexpr std::size_t storage_align = 64;  // of storage that does not fit inline
inline constexpr std::size_t task_name_size = 48;
struct JoinRequest;

struct Extra {
    Extra* next;
    char name[task_name_size];
    Group* group;
    Task* group_next;
    Task* group_previous;
    bool group_told;
    context::StackClass* stack_class;   // where its stack goes back to; null: the default class
    std::uint64_t stack_size;           // asked for; 0: the default
    Relaxed<std::uint16_t> stack_home;  // of whose stacks it has one, once it has moved; else 0
    JoinRequest* join_requests;         // from elsewhere, answered when the task ends
    Locals* inherited;
    void* context;  // two-phase spawn: the entry's data, and its result
    void* result;
    void* large_storage;  // when the inline storage is too small
    std::size_t large_size;
    alignas(16) unsigned char storage[extra_storage_size];
};
Extra& extra_at(std::uint32_t index);
ZIO_INLINE Extra& extra_of(const Task& task) {
    return extra_at(task.extra.observe());  // it may have come from another thread, with a name
}

}  // namespace zio::runtime
