// SPDX-License-Identifier: MIT
// Every way in which io_uring can be refused: by a seccomp filter, as containers do it, and by
// kernels that know less. Never a crash, always a reason, and the automatic choice goes on to the
// next backend.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "tests/core/loop/io_uring/fixture.hpp"

namespace zio::loop::io_uring {
namespace {

// From now on the system calls `first` to `last` of this process fail with `code`.
bool forbid(unsigned first, unsigned last, unsigned code) {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first, 0, 2),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, last, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | code),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog program{static_cast<unsigned short>(std::size(filter)), filter};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0;
}

// Runs `check` in a child that may lock itself in. It returns null, or what was wrong.
template <class Check>
void in_child(Check check) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const char* wrong = check();
        if (wrong != nullptr && ::write(pipe[1], wrong, std::strlen(wrong)) < 0) ::_exit(2);
        ::_exit(wrong != nullptr);
    }
    ::close(pipe[1]);
    char text[512] = {};
    const ssize_t size = ::read(pipe[0], text, sizeof text - 1);
    ::close(pipe[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
    EXPECT_EQ(WEXITSTATUS(status), 0) << (size > 0 ? text : "");
}

// What every refusal must look like, seen from the two ways to ask.
const char* check_refused(std::int32_t expected, const char* part_of_reason) {
    const Opened asked = open_backend(BackendChoice::io_uring, {});
    if (asked.backend != nullptr) return "there is a backend";
    if (asked.status != expected) return "another status";
    if (std::strstr(asked.reason, part_of_reason) == nullptr) return asked.reason;
    const Opened automatic = open_backend(BackendChoice::automatic, {});
    if (automatic.backend == nullptr) return "no other backend took its place";
    if (std::strcmp(automatic.backend->name(), "epoll") != 0) return automatic.backend->name();
    if (std::strcmp(automatic.reason, asked.reason) != 0) return "automatic gives another reason";
    return nullptr;
}

struct Refusal {
    const char* name;
    unsigned code;
    std::int32_t status;
    const char* reason;
};
constexpr Refusal refusals[] = {
    {"EPERM", EPERM, error::not_permitted, "not permitted"},
    {"EACCES", EACCES, error::access_denied, "access denied"},
    {"ENOSYS", ENOSYS, error::no_system_call, "has no io_uring"},
    {"EINVAL", EINVAL, error::invalid_argument, "none of the set-ups"},
    {"ENOMEM", ENOMEM, error::no_memory, "no memory"},
    {"EOPNOTSUPP", EOPNOTSUPP, error::not_supported, "lacks what is needed"},
};

class RefusalTest : public testing::TestWithParam<Refusal> {
  protected:
    void SetUp() override {
        if (!can_have_rings()) GTEST_SKIP();
    }
};

TEST_P(RefusalTest, OfTheSetUp) {
    in_child([] {
        const Refusal& refusal = GetParam();
        if (!forbid(__NR_io_uring_setup, __NR_io_uring_register, refusal.code)) return "no filter";
        return check_refused(refusal.status, refusal.reason);
    });
}

// The ring can be set up, but not be used.
TEST_P(RefusalTest, ToEnter) {
    in_child([] {
        const Refusal& refusal = GetParam();
        if (!forbid(__NR_io_uring_enter, __NR_io_uring_enter, refusal.code)) return "no filter";
        return check_refused(refusal.status, refusal.reason);
    });
}

TEST_P(RefusalTest, ToRegister) {
    in_child([] {
        const Refusal& refusal = GetParam();
        if (!forbid(__NR_io_uring_register, __NR_io_uring_register, refusal.code)) {
            return "no filter";
        }
        return check_refused(refusal.status, refusal.reason);
    });
}

// The filter comes after a first success in the parent, which a child must not rely on.
TEST_P(RefusalTest, AfterAForkIsNoticed) {
    { ASSERT_NE(open_backend(BackendChoice::io_uring, {}).backend, nullptr); }
    in_child([] {
        const Refusal& refusal = GetParam();
        if (!forbid(__NR_io_uring_enter, __NR_io_uring_enter, refusal.code)) return "no filter";
        return check_refused(refusal.status, refusal.reason);
    });
}

INSTANTIATE_TEST_SUITE_P(Errno, RefusalTest, testing::ValuesIn(refusals),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(OpenTest, NoDescriptorIsAnErrorAndNoReasonForAnotherBackend) {
    if (!can_have_rings()) GTEST_SKIP();
    for (const std::int32_t code : {EMFILE, ENFILE}) {
        Door door;
        door.setup_failure = -code;
        const Opened asked = open_backend(BackendChoice::io_uring, {});
        EXPECT_EQ(asked.backend, nullptr);
        EXPECT_EQ(asked.status, -code);
        const Opened automatic = open_backend(BackendChoice::automatic, {});
        EXPECT_EQ(automatic.backend, nullptr);
        EXPECT_EQ(automatic.status, -code);
    }
}

// Kernels that know fewer and fewer flags: each level is the best that is left, and it works.
TEST(OpenTest, DegradesFlagByFlag) {
    if (!can_have_rings()) GTEST_SKIP();
    const struct {
        std::uint32_t unknown;
        std::uint32_t expected;
        const char* reason;
    } kernels[] = {
        {os::io_uring_setup_no_sqarray, IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER,
         "run by the loop itself"},
        {IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_COOP_TASKRUN, "at the loop's system calls"},
        {IORING_SETUP_SINGLE_ISSUER, IORING_SETUP_COOP_TASKRUN, "at the loop's system calls"},
        {IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_COOP_TASKRUN, IORING_SETUP_SUBMIT_ALL,
         "plainest"},
        {IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL,
         IORING_SETUP_R_DISABLED, "plainest"},
    };
    std::uint32_t unknown = 0;
    for (const auto& kernel : kernels) {
        unknown |= kernel.unknown;
        Door door;
        door.unknown_setup_flags = unknown;
        Opened opened = open_io_uring({});
        ASSERT_NE(opened.backend, nullptr) << opened.reason;
        EXPECT_NE(std::strstr(opened.reason, kernel.reason), nullptr) << opened.reason;
        const std::uint32_t flags =
            static_cast<IoUring*>(opened.backend.get())->ring().setup_flags();
        EXPECT_EQ(flags & kernel.expected, kernel.expected);
        EXPECT_EQ(flags & unknown, 0u);

        os::Handle near = os::no_handle;
        os::Handle far = os::no_handle;
        ASSERT_EQ(os::table.open_pair(&near, &far), 0);
        Loop loop(std::move(opened.backend));
        char letter = 0;
        Transfer receive(OperationKind::receive, near, true, &letter, 1);
        EXPECT_FALSE(loop.start(receive));
        loop.poll();
        EXPECT_EQ(os::table.send(far, "x", 1, 0), 1);
        while (loop.next_completed() == nullptr) loop.poll_until(loop.now() + second_ns);
        EXPECT_EQ(receive.result, 1);
        EXPECT_EQ(letter, 'x');
        EXPECT_TRUE(loop.close_inbox());
        os::table.close(near);
        os::table.close(far);
    }
}

TEST(OpenTest, KernelsWithoutRestrictionsAreAsGood) {
    if (!can_have_rings()) GTEST_SKIP();
    Door door;
    door.failing_enrolment = IORING_REGISTER_RESTRICTIONS;
    EXPECT_NE(open_io_uring({}).backend, nullptr);
}

TEST(OpenTest, ARefusalLeavesNoDescriptorBehind) {
    if (!can_have_rings()) GTEST_SKIP();
    os::Handle before = os::no_handle;
    ASSERT_EQ(os::table.open_wakeup(&before), 0);
    os::table.close(before);
    for (const std::uint32_t what : {IORING_REGISTER_PROBE, IORING_REGISTER_ENABLE_RINGS}) {
        in_child([what]() -> const char* {
            Door door;
            door.failing_enrolment = what;
            return open_io_uring({}).backend == nullptr ? nullptr : "opened";
        });
    }
    Door door;
    door.unknown_setup_flags = ~0u;
    EXPECT_EQ(open_io_uring({}).status, error::invalid_argument);
    os::Handle after = os::no_handle;
    ASSERT_EQ(os::table.open_wakeup(&after), 0);
    EXPECT_EQ(after, before);
    os::table.close(after);
}

}  // namespace
}  // namespace zio::loop::io_uring
