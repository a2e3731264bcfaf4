// SPDX-License-Identifier: MIT
// Questions to a worker about what only its own thread may look at.
#include "core/base/memory.hpp"
#include "core/runtime/detour.hpp"
#include "core/runtime/park.hpp"
#include "core/runtime/runtime.hpp"

namespace zio::runtime {

namespace {

// A worker that does not come to its mail for so long is held by a task.
constexpr std::int64_t patience_ns = 200'000'000;

// Lies on the heap: who asked may leave before it is read. Whoever comes second frees it.
struct Question : Mail {
    enum State : std::uint8_t { asked, reading, answered, withdrawn };
    void (*run)(Worker&, void*);
    void* data;
    Atomic<State> state;
};

void answer(Worker& at, Mail& delivered) {
    auto& question = static_cast<Question&>(delivered);
    auto expected = Question::asked;
    if (!question.state.compare_exchange_strong(expected, Question::reading,
                                                std::memory_order_acq_rel)) {
        zio::destroy(&question);
        return;
    }
    Runtime& runtime = *at.runtime;
    question.run(at, question.data);
    question.state.store(Question::answered, std::memory_order_release);  // its last touch
    runtime.wake_waiters();
}

// On the native stack: the answer's frames shall not count among the task's.
void answer_oneself(Worker& w, void (*question)(Worker& asked, void* data), void* data) {
    struct Call {
        Worker& w;
        void (*question)(Worker& asked, void* data);
        void* data;
    } call{w, question, data};
    run_on_native_stack(
        [](void* given) {
            auto& own = *static_cast<Call*>(given);
            own.question(own.w, own.data);
            return 0;
        },
        &call);
}

}  // namespace

std::int32_t Runtime::ask(Worker& asked, void (*question)(Worker& asked, void* data), void* data) {
    if (current_worker == &asked) {
        answer_oneself(asked, question, data);
        return 0;
    }
    Worker* w = here();
    if (w == nullptr) return error::no_memory;
    Task* me = w->current;
    if (me->has(bit::no_suspend)) return error::no_suspend;
    if (!w->timers.reserve(w->block_count + 2)) return error::no_memory;
    auto* mail = zio::create<Question>();
    if (mail == nullptr) return error::no_memory;
    mail->run = question;
    mail->data = data;
    mail->state.store(Question::asked, std::memory_order_relaxed);
    mail->deliver = &answer;
    const auto is_answered = [mail] {
        return mail->state.load(std::memory_order_acquire) == Question::answered;
    };
    post(asked.index, mail->node, mail_tag);
    const HoldBack held(*me);
    const Deadline deadline = after(patience_ns);
    const Instant real_deadline = w->loop.real_now() + patience_ns;
    std::int32_t status = 0;
    while (!is_answered()) {
        const void* nobody = nullptr;
        if (!asked.obeys &&
            driver_.compare_exchange_strong(nobody, &asked, std::memory_order_acq_rel)) {
            asked.drain_mail();  // nobody drives, and no task runs for this
            give_up_driving();
            continue;
        }
        if (w->has_test_clock && w->loop.real_now() < real_deadline) {
            push_ready(w, me);  // it may stand still: nobody would lose patience by it
            switch_to_ready(w, me, &w->native);
            continue;
        }
        object_word::take_lock(word);
        const bool wait = (asked.obeys || is_driven()) && !is_answered();
        if (wait) {
            me->state = TaskState::listed;
            waiters_.append(*me);
        }
        object_word::release_lock(word);
        if (!wait) continue;
        const Deadline until = w->has_test_clock ? 1 : deadline;
        const Resumed back = park(w, me, TaskState::listed, status == 0 ? until : never);
        me = back.me;
        auto expected = Question::asked;
        if (me->verdict == error::timed_out) {
            status = error::busy;
            if (mail->state.compare_exchange_strong(expected, Question::withdrawn,
                                                    std::memory_order_acq_rel)) {
                return status;  // the worker frees it
            }
        }
    }
    zio::destroy(mail);
    return 0;
}

}  // namespace zio::runtime
