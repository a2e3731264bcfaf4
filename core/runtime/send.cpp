// SPDX-License-Identifier: MIT
#include "core/runtime/send.hpp"

#include "core/base/error.hpp"
#include "core/base/mutant.hpp"
#include "core/runtime/end.hpp"
#include "core/runtime/join.hpp"

namespace zio::runtime {

namespace {

// Shared counts stay below this, so that the field never carries into the generation.
constexpr std::uint64_t most_shared = std::uint64_t{0xff00} << 16;
constexpr std::uint64_t least_shared = std::uint64_t{0x0100} << 16;

}  // namespace

std::int32_t send(Task& task, std::uint32_t generation, std::uint64_t message, int references) {
    std::uint64_t old = task.word.load(std::memory_order_relaxed);
    std::uint64_t fresh;
    std::uint64_t left_behind;
    do {
        if (word_generation(old) != generation || ZIO_MUTANT(12, false, (old & word::free) != 0)) {
            return error::bad_handle;
        }
        if (references > 0 && (old & word::count) >= most_shared) return error::overflow;
        if (references < 0 && (old & word::count) <= least_shared) return error::bad_handle;
        fresh = old + static_cast<std::uint64_t>(references) * word::one_reference;
        left_behind = message;
        // While others elsewhere hold references the home need not look.
        if (message == word::merge && ZIO_MUTANT(14, (fresh & word::count) != word::bias,
                                                 (fresh & word::count) > word::bias)) {
            left_behind = 0;
        }
        if (left_behind != 0) fresh |= left_behind | word::posted;
    } while (!ZIO_MUTANT(11, check::compare_exchange_in_two_steps(task.word, old, fresh),
                         task.word.compare_exchange_weak(old, fresh, std::memory_order_acq_rel,
                                                         std::memory_order_relaxed)));
    if (left_behind != 0 && ZIO_MUTANT(13, true, (old & word::posted) == 0)) deliver(task);
    return 0;
}

bool mark(Task& task, std::uint64_t message) {
    return (task.word.fetch_or(message | word::posted, std::memory_order_acq_rel) & word::posted) ==
           0;
}

void deliver(Task& task) {
    for (;;) {
        std::uint16_t home = task.home.load(std::memory_order_acquire);
        if (home == no_home) return settle_homeless(task);
        if ((home & in_surplus) != 0) {  // who takes it will look
            const auto posted = static_cast<std::uint16_t>(home | surplus_posted);
            if (ZIO_MUTANT(
                    15, check::compare_exchange_in_two_steps(task.home, home, posted),
                    task.home.compare_exchange_strong(home, posted, std::memory_order_acq_rel))) {
                return;
            }
            continue;
        }
        if (post(home, task.mail, task_tag)) return;
        spin_pause();  // its worker is leaving: the task loses its home in these instants
    }
}

void wake(Task& task, std::int32_t verdict) {
    Worker* w = current_worker;
    if (at_home(w, &task)) return make_ready(w, &task, verdict);
    wake_by_mail(task, verdict);
}

void wake_by_mail(Task& task, std::int32_t verdict) {
    ZIO_UNLESS_MUTANT(16) task.verdict = verdict;
    if (mark(task, word::woken)) deliver(task);
    ZIO_IF_MUTANT(16, check::let_others_go_on(), task.verdict = verdict;)
}

}  // namespace zio::runtime
