// SPDX-License-Identifier: MIT
// Where everything lies, for debuggers: a table of names and numbers in the library itself, which
// tells the script of a debugger (tools/gdb) how to find tasks, stacks and workers in the memory of
// a process or of a core file, also when all symbols but the exported ones are gone. The compiler
// fills it in, so that it always agrees with the code.
#include "core/runtime/extra.hpp"
#include "core/runtime/join.hpp"
#include "core/runtime/words.hpp"
#include "core/runtime/worker.hpp"

// Of classes without bases and virtual functions the compilers know every offset.
#pragma GCC diagnostic ignored "-Winvalid-offsetof"

namespace zio::runtime {

namespace {

struct StateWords {
    const char* of[task_state_count];
};
constexpr StateWords make_state_words() {
    StateWords words{};
    for (unsigned i = 0; i < task_state_count; ++i) {
        words.of[i] = words_of(static_cast<TaskState>(i));
    }
    return words;
}
constexpr StateWords state_words = make_state_words();

struct OperationWords {
    const char* of[loop::operation_kind_count];
};
constexpr OperationWords make_operation_words() {
    OperationWords words{};
    for (unsigned i = 0; i < loop::operation_kind_count; ++i) {
        words.of[i] = words_of(static_cast<loop::OperationKind>(i));
    }
    return words;
}
constexpr OperationWords operation_words = make_operation_words();

union Value {
    std::uint64_t number;
    const void* address;
    constexpr Value(std::uint64_t value) : number(value) {}
    constexpr Value(const void* value) : address(value) {}
};
static_assert(sizeof(Value) == 8);

struct Entry {
    char name[24];
    Value value;
};

constexpr std::uint64_t number_of(TaskState state) {
    return static_cast<std::uint64_t>(state);
}

constexpr std::uint32_t layout_version = 1;
constexpr Entry entries[] = {
    // The table of tasks, by the places of three things: the number of the first slot in use, how
    // many are in use from there, and the address of slot 0.
    {"tasks.first", tasks.place_of_first()},
    {"tasks.count", tasks.place_of_count()},
    {"tasks.slots", tasks.place_of_slots()},
    {"task.size", sizeof(Task)},
    {"task.word", offsetof(Task, word)},
    {"task.context", offsetof(Task, context)},  // stack pointer, frame pointer, resume address
    {"task.state", offsetof(Task, state)},
    {"task.bits", offsetof(Task, bits)},
    {"task.home", offsetof(Task, home)},
    {"task.wait.object", offsetof(Task, wait) + offsetof(Wait, object)},
    {"task.due", offsetof(Task, due)},
    {"task.stack", offsetof(Task, stack)},
    {"task.extra", offsetof(Task, extra)},
    {"word.cancel", word::cancel},
    {"bit.shielded", bit::shielded},
    {"home.number", home_limit - 1},  // of the bits of `home` those that name a worker
    {"forever", forever},
    // States are numbers; their words stand in an array of texts. Those above `ready` wait.
    {"state.count", task_state_count},
    {"state.words", static_cast<const void*>(state_words.of)},
    {"state.unused", number_of(TaskState::unused)},
    {"state.done", number_of(TaskState::done)},
    {"state.ready", number_of(TaskState::ready)},
    {"join.target", offsetof(JoinRequest, target)},
    {"operation.kind", offsetof(loop::Operation, kind)},
    {"operation.handle", offsetof(loop::Operation, handle)},
    {"operation.kinds", loop::operation_kind_count},
    {"operation.words", static_cast<const void*>(operation_words.of)},
    {"extras", static_cast<const void*>(&extras)},
    {"extra.size", sizeof(Extra)},
    {"extra.name", offsetof(Extra, name)},
    {"extra.name.size", task_name_size},
    // Workers by their number; 0 is nobody.
    {"ports", static_cast<const void*>(worker_ports)},
    {"ports.count", worker_limit},
    {"port.size", sizeof(WorkerPort)},
    {"port.worker", offsetof(WorkerPort, worker)},
    {"worker.current", offsetof(Worker, current)},
    {"worker.errno_at", offsetof(Worker, errno_at)},
    {"worker.ordinal", offsetof(Worker, ordinal)},
    {"worker.runtime", offsetof(Worker, runtime_handle)},
    {"worker.is_thread", offsetof(Worker, is_thread)},
};

struct Layout {
    std::uint32_t version;
    std::uint32_t entry_size;
    std::uint64_t entry_count;
    const Entry* entries;
};

}  // namespace

// Exported: a stripped library keeps nothing else that could be looked up. Not for programs: it
// may be another one with each build.
extern "C" {
extern const Layout zio_debugger_layout __attribute__((visibility("default")));
const Layout zio_debugger_layout = {layout_version, sizeof(Entry), sizeof entries / sizeof(Entry),
                                    entries};
}

}  // namespace zio::runtime
