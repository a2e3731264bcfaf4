// SPDX-License-Identifier: MIT
#include "core/runtime/dump.hpp"

#include "core/runtime/extra.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/send.hpp"

namespace zio::runtime {

namespace {

// Appends text and counts what did not fit.
class Text {
  public:
    Text(char* text, std::size_t size) : text_(text), size_(size) {}
    void add(const char* piece) {
        while (*piece != '\0') put(*piece++);
    }
    void add(std::uint64_t number) {
        char digits[20];
        unsigned count = 0;
        do {
            digits[count++] = static_cast<char>('0' + number % 10);
            number /= 10;
        } while (number != 0);
        while (count > 0) put(digits[--count]);
    }
    std::size_t finish() {
        if (size_ != 0) text_[length_ < size_ ? length_ : size_ - 1] = '\0';
        return length_;
    }
    std::size_t length() const { return length_; }

  private:
    void put(char letter) {
        if (length_ < size_) text_[length_] = letter;
        ++length_;
    }
    char* text_;
    std::size_t size_;
    std::size_t length_ = 0;
};

const char* name_of(TaskState state) {
    switch (state) {
        case TaskState::prepared:
            return "prepared";
        case TaskState::launched:
        case TaskState::fresh:
            return "not started";
        case TaskState::ready:
            return "ready";
        case TaskState::done:
            return "ended";
        case TaskState::unused:
            return "unused";
        default:
            return "waiting";
    }
}

const char* name_of(loop::OperationKind kind) {
    switch (kind) {
        case loop::OperationKind::receive:
        case loop::OperationKind::receive_vector:
            return "receive";
        case loop::OperationKind::send:
        case loop::OperationKind::send_vector:
            return "send";
        case loop::OperationKind::read:
        case loop::OperationKind::read_vector:
            return "read";
        case loop::OperationKind::write:
        case loop::OperationKind::write_vector:
            return "write";
        case loop::OperationKind::accept:
            return "accept";
        case loop::OperationKind::connect:
            return "connect";
        case loop::OperationKind::ready:
            return "readiness";
    }
    return "operation";
}

void add_wait(Text& text, const Task& task) {
    switch (task.state) {
        case TaskState::parked:
            return text.add(" for unpark");
        case TaskState::sleeping:
            return text.add(" for its time");
        case TaskState::joining:
            text.add(" for task ");
            return text.add(handle_of(*static_cast<const Task*>(task.wait.object)) &
                            ((HandleBits{1} << 58) - 1));
        case TaskState::joining_remote:
            return text.add(" for a task of another runtime");
        case TaskState::operating: {
            const auto& operation = *static_cast<const loop::Operation*>(task.wait.object);
            text.add(" for ");
            text.add(name_of(operation.kind));
            text.add(" on descriptor ");
            return text.add(static_cast<std::uint64_t>(operation.handle));
        }
        case TaskState::listed:
            return text.add(" for its turn or a group");
        default:
            return;
    }
}

void add_task(Text& text, Task& task) {
    text.add("task ");
    text.add(handle_of(task) & ((HandleBits{1} << 58) - 1));
    char name[task_name_size] = {};
    if (task.extra != 0) copy_name(extra_of(task), name);
    if (name[0] != '\0') {
        text.add(" \"");
        text.add(name);
        text.add("\"");
    }
    text.add(" ");
    text.add(name_of(task.state));
    add_wait(text, task);
    if (task.waits() && task.due != forever) {
        text.add(" until ");
        text.add(task.due);
    }
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

}  // namespace

const char* Runtime::describe_deadlock() {
    Text text(detail_, detail_size);
    text.add("tasks that are still alive: ");
    bool first = true;
    for_each_task(*workers_[0], [&](Task& task) {
        if (text.length() >= detail_size) return;
        if (!first) text.add("; ");
        first = false;
        add_task(text, task);
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
        status = runtime->ask(
            runtime->worker(i),
            [](Worker& asked, void* data) {
                auto& lines = *static_cast<Text*>(data);
                for_each_task(asked, [&](Task& task) {
                    add_task(lines, task);
                    lines.add("\n");
                });
            },
            &text);
    }
    runtime->unpin();
    return status != 0 ? status : static_cast<std::int64_t>(text.finish());
}

}  // namespace zio::runtime
