// SPDX-License-Identifier: MIT
#pragma once
// A runtime: its worker, its options, and the life cycle create → run … → shutdown → destroy.
#include "core/base/object_word.hpp"
#include "core/context/overflow.hpp"
#include "core/runtime/wait_list.hpp"
#include "core/runtime/worker.hpp"

namespace zio::runtime {

inline constexpr std::uint64_t runtime_report_overflow = 1 << 0;

struct RuntimeOptions {
    loop::BackendChoice backend = loop::BackendChoice::automatic;
    loop::BackendOptions backend_options;
    std::uint64_t stack_size = 0;  // 0: the default
    std::uint64_t flags = 0;
    std::uint64_t max_tasks = 0;
    bool has_hooks = false;
    TaskHooks hooks{};
    WorkerHooks worker_hooks{};
};

struct RuntimeStatistics {
    std::uint32_t workers;
    std::uint64_t tasks_live, tasks_spawned, switches;
    std::uint64_t operations_submitted, operations_completed, polls, slept_ns;
    std::uint64_t stacks_mapped, timers_armed, wakes_sent, accept_backoffs;
};

class Runtime {
  public:
    // The first members are what SlotTable needs.
    ObjectWord word{0};
    Runtime* next = nullptr;

    static std::int32_t create(const RuntimeOptions& options, HandleBits* out);
    static std::int32_t run(HandleBits handle, TaskFunction entry, void* data);
    static std::int32_t shutdown(HandleBits handle, Deadline deadline);
    static std::int32_t destroy(HandleBits handle);

    // The live runtime of a handle, kept alive until `unpin`; 0 or `bad_handle`.
    static std::int32_t pin(HandleBits handle, Runtime** out);
    void unpin();

    Worker& worker() { return *worker_; }
    std::uint64_t stack_size() const { return stack_size_; }
    std::uint64_t task_limit() const { return task_limit_; }  // 0: none
    const char* backend_reason() const { return reason_; }
    RuntimeStatistics statistics() const;

    // A spawn from elsewhere is counted before its task is made; refused once stopping.
    std::int32_t admit();
    void withdraw_admission() { admission_.fetch_sub(1, std::memory_order_relaxed); }

    std::uint64_t live_count() const;
    bool is_driven() const { return driver_.load(std::memory_order_acquire) != nullptr; }

    // Runs `question` at home, from whatever thread, and waits for it.
    std::int32_t ask(void (*question)(Runtime&, void* data), void* data);

    // ---- at home
    // Stops spawns and cancels every task.
    void stop_here();
    // Wakes who waits for the end of the last task.
    void note_ends();
    void count_backoff() { ++accept_backoffs_; }
    // Names what waits for ever, for `zio_last_error_detail`.
    const char* describe_deadlock();

  private:
    std::int32_t open(const RuntimeOptions& options);
    std::int32_t run_main(TaskFunction entry, void* data);
    std::int32_t begin_driving();
    void end_driving();
    bool drive_until_ended(Deadline deadline);
    std::int32_t stop_from_elsewhere(Deadline deadline);
    std::int32_t close();
    void wake_waiters();

    static constexpr std::uint64_t stopping = std::uint64_t{1} << 63;
    static constexpr std::size_t detail_size = 512;

    HandleBits handle_ = 0;
    Worker* worker_ = nullptr;
    const char* reason_ = "";
    std::uint64_t stack_size_ = 0;
    std::uint64_t task_limit_ = 0;
    bool reports_overflow_ = false;
    context::AlternateStack overflow_stack_;    // of the thread that drives, where the report runs
    std::atomic<std::uint64_t> admission_{0};   // stopping | spawns from elsewhere
    std::atomic<const void*> driver_{nullptr};  // the thread inside run or shutdown
    std::atomic<const void*> last_driver_{nullptr};
    std::atomic<std::uint64_t> accept_backoffs_{0};
    WaitList waiters_;  // for the end of the last task, of whoever drives, or for an answer
    Mail stop_mail_{};
    std::atomic<bool> stop_posted_{false};
    char detail_[detail_size] = {};
};

using RuntimeTable = SlotTable<Runtime, HandleType::runtime>;
extern RuntimeTable runtimes;

const char* backend_name(HandleBits runtime);    // null: dead
const char* backend_reason(HandleBits runtime);  // null: dead
std::int32_t statistics_of(HandleBits runtime, RuntimeStatistics* out);

// ---- the calling task's or thread's own
HandleBits self();                        // 0 off a task
void set_error_detail(const char* text);  // static text, or text that outlives its use
const char* error_detail();
void note_os_error(std::int32_t error);  // keeps the system's code of an error of the core
std::int32_t last_os_error();
Instant now();
// A deadline `span_ns` from now: `never` when it lies beyond all instants.
Deadline after(std::int64_t span_ns);

}  // namespace zio::runtime
