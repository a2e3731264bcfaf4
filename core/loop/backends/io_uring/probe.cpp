// SPDX-License-Identifier: MIT
// Whether io_uring can be had here, how, and if not, why not.
//
// The set-ups are tried best first. A kernel that does not know one says EINVAL and the next is
// tried; any other refusal (a security policy, no memory, no descriptors) is the same for all of
// them. Before the first real ring of a process, a small one is opened in the same way and made to
// do what the backend needs: some sandboxes let the ring be set up and then refuse to enter it, and
// some emulations accept operations that they do not carry out. The trial uses a ring of its own
// because entering a SINGLE_ISSUER ring binds it to the thread, and a runtime may be created on one
// thread and driven on another. Its outcome is kept per process, a forked child tries again: it may
// have been locked in meanwhile.
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <new>
#include <string_view>

#include "core/loop/backends/io_uring/encode.hpp"
#include "core/loop/backends/io_uring/io_uring.hpp"
#include "core/os/environment.hpp"
#include "core/os/error.hpp"

namespace zio::loop {

namespace io_uring {

namespace {

struct Level {
    std::uint32_t setup_flags;
    const char* reason;
};

constexpr std::uint32_t basic = IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL;
constexpr std::uint32_t deferred =
    basic | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG;

// Each line is what a kernel since the named version takes.
constexpr Level levels[] = {
    {deferred | os::io_uring_setup_no_sqarray,  // 6.6
     "io_uring works here, with completions run by the loop itself"},
    {deferred,  // 6.1
     "io_uring works here, with completions run by the loop itself"},
    {basic | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,  // 5.19
     "io_uring works here, with completions run at the loop's system calls"},
    {basic,  // 5.18
     "io_uring works here, in its plainest form"},
    {IORING_SETUP_R_DISABLED,  // 5.11
     "io_uring works here, in its plainest form"},
};
constexpr unsigned level_count = sizeof levels / sizeof levels[0];
constexpr unsigned coop_level = 2;
constexpr unsigned plain_level = 3;

constexpr std::uint32_t needed_features = IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP |
                                          IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_FAST_POLL |
                                          IORING_FEAT_EXT_ARG;

// ZIO_IO_URING_FLAGS=coop|plain begins further down, to test there or to step around a bug.
unsigned first_level() {
    const char* asked = os::environment("ZIO_IO_URING_FLAGS");
    if (asked == nullptr) return 0;
    const std::string_view text = asked;
    return text == "coop" ? coop_level : text == "plain" ? plain_level : 0;
}

std::int32_t probe_operations(const Ring& ring) {
    constexpr unsigned capacity = 64;
    alignas(io_uring_probe) unsigned char
        memory[sizeof(io_uring_probe) + capacity * sizeof(io_uring_probe_op)] = {};
    const std::int32_t status =
        os::io_uring_table.enroll(ring.descriptor(), IORING_REGISTER_PROBE, memory, capacity);
    if (status < 0) return status;
    const auto* probe = reinterpret_cast<const io_uring_probe*>(memory);
    for (const std::uint8_t operation : used_operations) {
        if (operation > probe->last_op) return -EOPNOTSUPP;
        if ((probe->ops[operation].flags & IO_URING_OP_SUPPORTED) == 0) return -EOPNOTSUPP;
    }
    return 0;
}

// A small ring and a pair of sockets, on which everything that the backend relies on is done once.
class Trial {
  public:
    ~Trial() {
        ring_.close(true);
        for (const os::Handle socket : sockets_) {
            if (socket != os::no_handle) os::table.close(socket);
        }
    }
    // 0 or minus the kernel's error number; EOPNOTSUPP: it does not do what it says.
    std::int32_t run(std::uint32_t setup_flags) {
        std::int32_t status = open_ring(ring_, {setup_flags, 8, 16});
        if (status < 0) return status;
        if ((ring_.features() & needed_features) != needed_features) return -EOPNOTSUPP;
        if ((status = probe_operations(ring_)) < 0) return status;
        if ((status = ring_.enable()) < 0) return status;
        if (os::table.open_pair(&sockets_[0], &sockets_[1]) < 0) return -EMFILE;
        if ((status = check_nothing()) < 0) return status;
        if ((status = check_cancel()) < 0) return status;
        if ((status = check_poll()) < 0) return status;
        return check_receive();
    }

  private:
    enum Cookie : std::uint64_t { first = 1, second = 2, cookie_count = 3 };

    io_uring_sqe& add(std::uint8_t opcode, Cookie cookie) {
        io_uring_sqe* submission = ring_.take();
        ZIO_ASSERT(submission != nullptr);
        submission->opcode = opcode;
        submission->fd = static_cast<std::int32_t>(sockets_[0]);
        submission->user_data = cookie;
        return *submission;
    }
    // Submits what was added and waits for `count` completions. A second is for ever here.
    std::int32_t await(std::uint32_t count) {
        constexpr std::uint32_t flags = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG;
        __kernel_timespec rest{1, 0};
        io_uring_getevents_arg argument{};
        argument.ts = reinterpret_cast<std::uintptr_t>(&rest);
        for (std::uint32_t seen = 0; seen < count;) {
            const std::int32_t entered =
                ring_.enter(ring_.queued_count(), count - seen, flags, &argument);
            if (entered == -ETIME) return -EOPNOTSUPP;
            if (entered < 0 && entered != -EINTR) return entered;
            for (; ring_.has_completed(); ++seen) {
                const io_uring_cqe& completion = ring_.completion(ring_.completion_head());
                if (completion.user_data >= cookie_count) return -EOPNOTSUPP;
                results_[completion.user_data] = completion.res;
                ring_.release(ring_.completion_head() + 1);
            }
        }
        return 0;
    }
    static std::int32_t expect(bool truth) { return truth ? 0 : -EOPNOTSUPP; }

    std::int32_t check_nothing() {
        add(IORING_OP_NOP, first).fd = -1;
        const std::int32_t status = await(1);
        return status < 0 ? status : expect(results_[first] == 0);
    }
    std::int32_t check_cancel() {
        add(IORING_OP_POLL_ADD, first).poll32_events = poll_mask(POLLIN);
        io_uring_sqe& cancel = add(IORING_OP_ASYNC_CANCEL, second);
        cancel.fd = -1;
        cancel.addr = first;
        const std::int32_t status = await(2);
        if (status < 0) return status;
        return expect(results_[first] == -ECANCELED && results_[second] == 0);
    }
    std::int32_t check_poll() {
        add(IORING_OP_POLL_ADD, first).poll32_events = poll_mask(POLLOUT);
        const std::int32_t status = await(1);
        return status < 0 ? status : expect((results_[first] & POLLOUT) != 0);
    }
    // The socket is in non-blocking mode, and the receive has to wait all the same.
    std::int32_t check_receive() {
        char letter = 0;
        io_uring_sqe& receive = add(IORING_OP_RECV, first);
        receive.addr = reinterpret_cast<std::uintptr_t>(&letter);
        receive.len = 1;
        std::int32_t submitted;
        do {
            submitted = ring_.enter(ring_.queued_count(), 0, IORING_ENTER_GETEVENTS, nullptr);
        } while (submitted == -EINTR);
        if (submitted < 0) return submitted;
        if (ring_.has_completed()) return -EOPNOTSUPP;
        if (os::table.send(sockets_[1], "z", 1, 0) != 1) return -EOPNOTSUPP;
        const std::int32_t status = await(1);
        return status < 0 ? status : expect(results_[first] == 1 && letter == 'z');
    }

    Ring ring_;
    os::Handle sockets_[2] = {os::no_handle, os::no_handle};
    std::int32_t results_[cookie_count] = {};
};

// The process in the upper half, the level that passed its trial, and one more, in the lower.
std::atomic<std::uint64_t> passed{0};

std::int32_t try_level(unsigned level) {
    const auto process = static_cast<std::uint64_t>(os::process_id()) << 32;
    const std::uint64_t mark = process | (level + 1);
    if (passed.load(std::memory_order_relaxed) == mark) return 0;
    Trial trial;
    const std::int32_t status = trial.run(levels[level].setup_flags);
    if (status == 0) passed.store(mark, std::memory_order_relaxed);
    return status;
}

const char* reason_for(std::int32_t status) {
    switch (status) {
        case -EPERM:
            return os::io_uring_disabled() > 0
                       ? "the administrator has disabled io_uring (kernel.io_uring_disabled)"
                       : "a security policy of this system forbids io_uring (not permitted)";
        case -EACCES:
            return "a security policy of this system forbids io_uring (access denied)";
        case -ENOSYS:
            return "this kernel has no io_uring, or a sandbox hides it";
        case -EINVAL:
            return "this kernel's io_uring knows none of the set-ups that are needed";
        case -ENOMEM:
            return "there is no memory for an io_uring, or too little may be locked";
        case -EOPNOTSUPP:
            return "this kernel's io_uring lacks what is needed, or failed its trial";
        case -EMFILE:
        case -ENFILE:
            return "no descriptor is left for an io_uring";
        default:
            return "io_uring cannot be set up here";
    }
}

Opened refused(std::int32_t status) {
    Opened opened;
    if (status == -EAGAIN || status == -EBUSY) status = -ENOMEM;  // what the kernel means by it
    opened.status = os::error_from_code(-status);
    opened.reason = reason_for(status);
    return opened;
}

// 0 or minus the kernel's error number.
std::int32_t open_level(const Level& level, const BackendOptions& options, Opened* out) {
    Plan plan;
    plan.setup_flags = level.setup_flags;
    const std::uint32_t asked = options.ring_entries;
    plan.entries = asked == 0 ? default_entries : asked < most_entries ? asked : most_entries;
    plan.completion_entries =
        plan.entries < least_completion_entries / 4 ? least_completion_entries : plan.entries * 4;
    os::Handle wakeup = os::no_handle;
    std::int32_t status = os::table.open_wakeup(&wakeup);
    if (status < 0) return status;  // the kernel's own number, here
    std::unique_ptr<IoUring> backend(new (std::nothrow) IoUring(plan, wakeup));
    if (backend == nullptr) {
        os::table.close(wakeup);
        return -ENOMEM;
    }
    status = backend->open();
    if (status < 0) return status;
    out->backend = std::move(backend);
    out->reason = level.reason;
    return 0;
}

}  // namespace

std::int32_t open_ring(Ring& ring, const Plan& plan) {
    const std::int32_t status = ring.open(plan.entries, plan.completion_entries, plan.setup_flags);
    // The restrictions are a second line of defence; a kernel without them is as good.
    if (status == 0) ring.restrict_to_used();
    return status;
}

}  // namespace io_uring

Opened open_io_uring(const BackendOptions& options) {
    using namespace io_uring;
    Opened opened;
    std::int32_t status = -EINVAL;
    for (unsigned level = first_level(); level < level_count; ++level) {
        status = try_level(level);
        if (status == 0) status = open_level(levels[level], options, &opened);
        if (status == 0) return opened;
        if (status != -EINVAL && status != -EOPNOTSUPP) break;
    }
    return refused(status);
}

}  // namespace zio::loop
