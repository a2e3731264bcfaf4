// SPDX-License-Identifier: MIT
#pragma once
// A runtime: its workers, its options, and the life cycle create → run … → shutdown → destroy.
#include "core/base/object_word.hpp"
#include "core/loop/decorators/test_clock.hpp"
#include "core/runtime/wait_list.hpp"
#include "core/runtime/worker.hpp"

namespace zio::runtime {

inline constexpr std::uint64_t runtime_report_overflow = 1 << 0;
inline constexpr std::uint64_t runtime_heartbeat = 1 << 1;
inline constexpr std::uint64_t runtime_pin_workers = 1 << 2;
inline constexpr std::uint64_t runtime_give_way = 1 << 3;
inline constexpr std::uint32_t most_workers = 256;

// The numbers are `enum zio_clock` and `enum zio_order`.
enum class ClockChoice : std::uint8_t { real = 0, jumps = 1, driven = 2 };
enum class OrderChoice : std::uint8_t { real = 0, seeded = 1 };

struct RuntimeOptions {
    loop::BackendChoice backend = loop::BackendChoice::automatic;
    loop::BackendOptions backend_options;
    std::uint32_t workers = 1;   // 0: what the environment says, else the usable processors
    bool moves_started = false;  // those that are migratable
    ClockChoice clock = ClockChoice::real;
    OrderChoice order = OrderChoice::real;
    Instant clock_quiet_ns = 0;
    std::uint64_t stack_size = 0;  // 0: the default
    std::uint64_t flags = 0;
    std::uint64_t max_tasks = 0;
    bool has_hooks = false;
    TaskHooks hooks{};
    WorkerHooks worker_hooks{};
};

struct RuntimeStatistics {
    std::uint32_t workers;
    std::uint64_t tasks_live, tasks_spawned, switches, steals;
    std::uint64_t operations_submitted, operations_completed, polls, slept_ns;
    std::uint64_t stacks_mapped, timers_armed, wakes_sent, accept_backoffs;
    std::uint64_t holds, longest_hold_ns;
};

class Runtime {
  public:
    // The first members are what SlotTable needs.
    ObjectWord word{0};
    Runtime* next = nullptr;
    Runtime* next_watched = nullptr;  // the heartbeat's
    HoldHook hold_hook{};

    static std::int32_t create(const RuntimeOptions& options, HandleBits* out);
    static std::int32_t run(HandleBits handle, TaskFunction entry, void* data);
    static std::int32_t start(HandleBits handle);
    static std::int32_t shutdown(HandleBits handle, Deadline deadline);
    static std::int32_t destroy(HandleBits handle);
    // Lets the time of a test clock pass (test_mode.cpp).
    static std::int32_t advance(HandleBits handle, Instant span_ns);
    // In a forked child: empty, with workers of its own. One thread at a time.
    static std::int32_t after_fork(HandleBits handle);

    // The live runtime of a handle, kept alive until `unpin`; 0 or `bad_handle`.
    static std::int32_t pin(HandleBits handle, Runtime** out);
    void unpin();

    Worker& worker(std::uint32_t ordinal) const { return *workers_[ordinal]; }
    std::uint32_t worker_count() const { return worker_count_; }
    std::uint64_t stack_size() const { return stack_size_; }
    bool moves_started() const { return options_.moves_started && worker_count_ > 1; }
    std::uint64_t task_limit() const { return task_limit_; }  // 0: none
    const char* backend_reason() const { return reason_; }
    bool is_watched() const { return is_watched_; }  // by a heartbeat
    RuntimeStatistics statistics() const;

    // A spawn from elsewhere is counted before its task is made; refused once stopping.
    std::int32_t admit();
    // From then on for good: nothing more is admitted.
    bool refuses_tasks() const {
        return (admission_.load(std::memory_order_relaxed) & stopping) != 0;
    }
    void withdraw_admission() { admission_.fetch_sub(1, std::memory_order_relaxed); }

    std::uint64_t live_count() const;
    bool is_driven() const { return driver_.load(std::memory_order_acquire) != nullptr; }

    // Runs `question` on the thread of `asked`, from whatever thread, and waits for it. `busy`: a
    // task there does not let go of the processor, and the question was withdrawn.
    std::int32_t ask(Worker& asked, void (*question)(Worker& asked, void* data), void* data);

    // ---- the crew (crew.cpp)
    // The worker for a task that comes from outside; where a task of `w` goes that shall spread.
    Worker& next_home();
    Worker& least_loaded(Worker& w);
    // Asleep, or awake and looking for work.
    bool has_idle_worker() const {
        return idle_count_.load(std::memory_order_relaxed) != 0 ||
               searching_count_.load(std::memory_order_relaxed) != 0;
    }
    void count_idle(std::int32_t change) {
        idle_count_.fetch_add(change, std::memory_order_acq_rel);
    }
    // Work was put out: somebody who sleeps is called, unless somebody searches already.
    void call_idle_worker();
    // Whether a worker may wait awake: not on the only processor.
    bool may_spin();
    void begin_search() { searching_count_.fetch_add(1, std::memory_order_acq_rel); }
    void end_search() { searching_count_.fetch_sub(1, std::memory_order_acq_rel); }
    // Those who wait for the crew look again.
    void wake_waiters();

    // ---- on the worker's thread
    // Stops spawns and cancels every task of `w`.
    void stop_here(Worker& w);
    // Wakes who waits for the end of the last task.
    void note_ends();
    void count_backoff() { ++accept_backoffs_; }
    // Names what waits for ever, for `zio_last_error_detail`.
    const char* describe_deadlock();

  private:
    std::int32_t open(const RuntimeOptions& options);
    std::int32_t open_workers(loop::BackendChoice choice, const RuntimeOptions& options);
    std::int32_t open_worker(loop::BackendChoice choice, const RuntimeOptions& options);
    // ---- clocks and orders for tests (test_mode.cpp)
    std::int32_t open_test_mode(const RuntimeOptions& options);
    std::int32_t decorate(std::unique_ptr<loop::Backend>& backend);
    void close_test_mode();
    void limit_driving(Deadline deadline);
    void drop_workers();
    void undo_open();
    // ---- in a forked child (fork.cpp)
    static Runtime* inherited_at(HandleBits handle);
    static bool destroy_inherited(HandleBits handle);
    void part_with_workers();

    void begin_life();
    void end_life(std::uint32_t generation);
    std::int32_t run_main(TaskFunction entry, void* data);
    std::int32_t begin_driving();
    void end_driving();
    void give_up_driving();
    bool drive_until_ended(Deadline deadline);
    void tell_others_to_stop(const Worker* but);
    // Every worker refuses spawns and every task has ended.
    bool has_ended() const;
    std::int32_t stop_from_elsewhere(Deadline deadline);
    std::int32_t close();

    void take_seat(Worker& w);
    void leave_seat(Worker& w);
    static void work(void* worker);
    std::int32_t hire(std::uint32_t first);
    std::int32_t start_here();
    static void order(Worker& w, std::uint8_t duty);
    static void tell(Worker& w);
    void let_run();
    void let_stand();
    void dismiss();

    static constexpr std::uint64_t stopping = std::uint64_t{1} << 63;
    static constexpr std::size_t detail_size = 512;

    HandleBits handle_ = 0;
    Worker** workers_ = nullptr;
    std::uint32_t worker_count_ = 0;
    std::uint32_t worker_room_ = 0;
    enum class MaySpin : std::uint8_t { no, ask, yes };
    Relaxed<MaySpin> may_spin_{MaySpin::no};
    RuntimeOptions options_;                // what a forked child makes its workers by
    Relaxed<std::uint32_t> fork_count_{0};  // when its workers were made
    const char* reason_ = "";
    std::uint64_t stack_size_ = 0;
    std::uint64_t task_limit_ = 0;
    loop::TestClock* clock_ = nullptr;
    OrderChoice order_ = OrderChoice::real;
    std::uint64_t order_seed_ = 0;
    bool reports_overflow_ = false;
    bool is_watched_ = false;
    Atomic<std::uint64_t> admission_{0};   // stopping | spawns from elsewhere
    Atomic<const void*> driver_{nullptr};  // the thread inside run or shutdown
    Atomic<const void*> last_driver_{nullptr};
    Atomic<std::uint64_t> accept_backoffs_{0};
    WaitList waiters_;  // for the end of the last task, of whoever drives, or for an answer
    Atomic<bool> is_hired_{false};    // all workers have threads, or the driver's
    Atomic<bool> is_started_{false};  // in the background: nobody drives
    Atomic<bool> stop_posted_{false};
    Atomic<std::uint32_t> stopped_count_{0};  // workers that refuse spawns
    Atomic<std::uint32_t> next_home_{0};
    alignas(64) Atomic<std::int32_t> idle_count_{0};  // workers that sleep for want of work
    Atomic<std::int32_t> searching_count_{0};
    char detail_[detail_size] = {};
};

using RuntimeTable = SlotTable<Runtime, HandleType::runtime>;
extern RuntimeTable runtimes;

const char* backend_name(HandleBits runtime);    // null: dead
const char* backend_reason(HandleBits runtime);  // null: dead
std::int32_t statistics_of(HandleBits runtime, RuntimeStatistics* out);

// The clock of the calling task's runtime, where any runtime has one of its own.
extern Atomic<std::uint32_t> test_clock_count;
Instant test_now() __attribute__((noinline, nothrow)) ZIO_NOTHROW;

// ---- the calling task's or thread's own
HandleBits self();                        // 0 off a task
void set_error_detail(const char* text);  // static text, or text that outlives its use
const char* error_detail();
void note_os_error(std::int32_t error);  // keeps the system's code of an error of the core
std::int32_t last_os_error();
Instant now() ZIO_NOTHROW;
// A deadline `span_ns` from now: `never` when it lies beyond all instants.
Deadline after(std::int64_t span_ns) ZIO_NOTHROW;

}  // namespace zio::runtime
