// SPDX-License-Identifier: MIT
#include "core/runtime/dump.hpp"

#include "core/base/text.hpp"
#include "core/context/backtrace.hpp"
#include "core/os/memory.hpp"
#include "core/os/symbol.hpp"
#include "core/runtime/extra.hpp"
#include "core/runtime/join.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/send.hpp"
#include "core/runtime/words.hpp"

namespace zio::runtime {

namespace {

// Of so many tasks of each worker the dump also says where they are and what their stacks hold; for
// a million of them that would take seconds.
constexpr std::uint32_t most_detailed = 1000;
constexpr std::size_t most_frames = 24;

// The state in its words, with what they leave open filled in.
void add_state(Text& text, const Task& task) {
    const TaskState state = task.state;
    const void* object = task.wait.object;
    for (const char* letter = words_of(state); *letter != '\0'; ++letter) {
        if (*letter != '%') {
            text.add_letter(*letter);
            continue;
        }
        switch (*++letter) {
            case 't':
                text.add(task_number(handle_of(*static_cast<const Task*>(object))));
                break;
            case 'r':
                text.add(task_number(handle_of(*static_cast<const JoinRequest*>(object)->target)));
                break;
            case 'o':
                text.add(words_of(static_cast<const loop::Operation*>(object)->kind));
                break;
            default:
                text.add(static_cast<std::uint64_t>(
                    static_cast<const loop::Operation*>(object)->handle));
        }
    }
}

// A task's name, if it has one.
void add_quoted(Text& text, const char* name) {
    if (name[0] == '\0') return;
    text.add(" \"");
    text.add(name);
    text.add("\"");
}

void add_name(Text& text, const Task& task) {
    text.add("task ");
    text.add(task_number(handle_of(task)));
    char name[task_name_size] = {};
    if (task.extra != 0) copy_name(extra_of(task), name);
    add_quoted(text, name);
}

void add_address(Text& text, const void* address, const os::Symbol& symbol) {
    if (symbol.module == nullptr) {
        return text.add_hexadecimal(reinterpret_cast<std::uintptr_t>(address));
    }
    text.add(symbol.function != nullptr ? symbol.function : symbol.module);
    text.add("+");
    text.add_hexadecimal(symbol.offset);
}

// A function of the library's own that has no name outside: not what the reader looks for.
bool is_inner(const os::Symbol& symbol) {
    if (symbol.module == nullptr || symbol.function != nullptr) return false;
    const char* prefix = "libzio.";
    const char* name = symbol.module;
    while (*prefix != '\0' && *prefix == *name) ++prefix, ++name;
    return *prefix == '\0';
}

// Where it was spawned, what its stack holds, and where it is.
void add_details(Text& text, Worker& w, Task& task) {
    const bool has_stack = task.state >= TaskState::ready;
    const void* origin = has_stack ? head_of(task).origin : origin_of_unstarted(task);
    if (origin != nullptr) {
        text.add(", spawned at ");
        add_address(text, origin, os::symbol_of(origin));
    }
    if (!has_stack) return;
    const context::StackBounds bounds = stacks_of(w, task).bounds(task.stack);
    text.add(", stack ");
    text.add(os::memory_table.resident(bounds.low, bounds.size) / 1024);
    text.add(" KiB");
    if (w.current == &task || w.errand.task == &task) return text.add(", running");
    const void* frames[most_frames];
    const std::size_t count = context::backtrace(task.context, frames, most_frames);
    const char* between = ", in ";
    for (std::size_t i = 0; i < count; ++i) {
        const os::Symbol symbol = os::symbol_of(frames[i]);
        if (is_inner(symbol)) continue;
        text.add(between);
        add_address(text, frames[i], symbol);
        between = " < ";
    }
}

void add_task(Text& text, Task& task, Instant now) {
    add_name(text, task);
    text.add(" ");
    add_state(text, task);
    if (task.waits()) {
        const auto since = static_cast<Instant>(task.wait.value);
        text.add(", for ");
        text.add_seconds(now > since ? now - since : 0);
        if (task.due != forever) {
            text.add(", at most for another ");
            text.add_seconds(task.due > now ? task.due - now : 0);
        }
    }
    const auto of_class = task.priority & class_mask;
    if (of_class != 0) text.add(of_class == 1 ? ", urgent" : ", in the background");
    if (task.cancel_pending()) text.add(", cancel pending");
    if (task.has(bit::shielded)) text.add(", shielded");
}

// The tasks of one worker, on its thread: those at home, and those that lie in its surplus.
template <class Add>
void for_each_task(Worker& w, Add add) {
    const std::uint32_t limit = tasks.limit();
    for (std::uint32_t i = 0; i < limit; ++i) {
        Task& task = tasks.slot(i);
        const TaskState state = task.state;
        if (task.home.load(std::memory_order_relaxed) == w.index && state != TaskState::unused &&
            state != TaskState::done) {
            add(task);
        }
    }
    w.surplus.for_each(add);
}

// Who held the worker last, if a heartbeat watches it.
void add_holds(Text& text, Worker& w) {
    Pulse& pulse = w.pulse;
    if (pulse.count == 0) return;
    char name[task_name_size];
    pulse.name_lock.lock();
    for (std::size_t i = 0; i < task_name_size; ++i) name[i] = pulse.last_name[i];
    pulse.name_lock.unlock();
    const Instant now = w.loop.real_now();
    const Instant last = pulse.last_at;
    text.add("worker ");
    text.add(std::uint64_t{w.ordinal});
    text.add(" held ");
    text.add(pulse.count);
    text.add(" times, at last by task ");
    text.add(pulse.last_task);
    add_quoted(text, name);
    text.add(" for ");
    text.add_seconds(pulse.last_ns);
    text.add(", seen ");
    text.add_seconds(now > last ? now - last : 0);
    text.add(" ago\n");
}

// What anybody may know of the tasks of a worker that does not answer.
void add_unanswered(Text& text, const Worker& w) {
    const std::uint32_t limit = tasks.limit();
    for (std::uint32_t i = 0; i < limit; ++i) {
        const Task& task = tasks.slot(i);
        const TaskState state = task.state;
        if (task.home.load(std::memory_order_relaxed) != w.index || state == TaskState::unused ||
            state == TaskState::done) {
            continue;
        }
        add_name(text, task);
        text.add(" ");
        text.add(state > TaskState::ready ? "waiting" : words_of(state));
        if (w.current == &task) {
            text.add(", running and holding worker ");
            text.add(std::uint64_t{w.ordinal});
            text.add(", which does not answer");
        }
        text.add("\n");
    }
}

}  // namespace

const char* Runtime::describe_deadlock() {
    Text text(detail_, detail_size);
    text.add("tasks that are still alive: ");
    bool first = true;
    const Instant now = workers_[0]->loop.now();
    for_each_task(*workers_[0], [&](Task& task) {
        if (text.length() >= detail_size) return;
        if (!first) text.add("; ");
        first = false;
        add_task(text, task, now);
    });
    text.finish();
    return detail_;
}

std::int64_t dump_of(HandleBits handle, char* buffer, std::size_t size) {
    if (buffer == nullptr && size != 0) return error::invalid_argument;
    Runtime* runtime = nullptr;
    if (const std::int32_t status = Runtime::pin(handle, &runtime)) return status;
    Text text(buffer, size);
    std::int32_t status = 0;
    for (std::uint32_t i = 0; i < runtime->worker_count() && status == 0; ++i) {
        Worker& w = runtime->worker(i);
        status = runtime->ask(
            w,
            [](Worker& asked, void* data) {
                auto& lines = *static_cast<Text*>(data);
                const Instant now = asked.loop.now();
                std::uint32_t count = 0;
                for_each_task(asked, [&](Task& task) {
                    add_task(lines, task, now);
                    if (count++ < most_detailed) add_details(lines, asked, task);
                    lines.add("\n");
                });
            },
            &text);
        if (status == error::busy) {
            add_unanswered(text, w);
            status = 0;
        }
    }
    for (std::uint32_t i = 0; i < runtime->worker_count(); ++i) {
        add_holds(text, runtime->worker(i));
    }
    runtime->unpin();
    return status != 0 ? status : static_cast<std::int64_t>(text.finish());
}

}  // namespace zio::runtime
