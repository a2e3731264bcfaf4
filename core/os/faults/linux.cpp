// SPDX-License-Identifier: MIT
// Stands in front of the tables for memory, epoll and io_uring, and of what is submitted to a ring.
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>

#include "core/base/slot_table.hpp"
#include "core/os/error.hpp"
#include "core/os/faults/plan.hpp"
#include "core/os/faults/submission.hpp"
#include "core/os/faults/wrap.hpp"
#include "core/os/linux/epoll.hpp"
#include "core/os/linux/io_uring.hpp"
#include "core/os/memory.hpp"

namespace zio::fault {

namespace {

os::MemoryTable memory_before;
os::EpollTable epoll_before;
os::IoUringTable ring_before;

std::int32_t number(int code) {
    return os::error_from_code(code);
}
std::int32_t number_of_kernel(int code) {
    return -code;
}
// A signal ends a wait without events.
std::int32_t number_of_wait(int code) {
    return code == EINTR ? 0 : number(code);
}
bool no(int) {
    return false;
}

char* reserve(std::size_t size) {
    if (error_at(Site::reserve) != 0) return nullptr;
    char* start = memory_before.reserve(size);
    if (start != nullptr) count_mappings(+1);
    return start;
}

void release(char* start, std::size_t size) {
    count_mappings(-1);
    memory_before.release(start, size);
}

// What is registered where: who reports edges promises one after each transfer that was cut short.
struct Registration {
    std::int32_t epoll;
    std::int32_t descriptor;
    epoll_event event;
};
Registration registrations[512];
std::size_t registration_count = 0;
SpinLock registrations_lock;

template <class Leaves>
void drop_registrations(Leaves leaves) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < registration_count; ++i) {
        if (!leaves(registrations[i])) registrations[kept++] = registrations[i];
    }
    registration_count = kept;
}

// To forget a descriptor cannot fail.
std::int32_t control(std::int32_t epoll, std::int32_t operation, std::int32_t descriptor,
                     epoll_event* event) {
    if (operation != EPOLL_CTL_DEL) {
        if (const int code = error_at(Site::epoll_control)) return number(code);
    }
    const std::int32_t status = epoll_before.control(epoll, operation, descriptor, event);
    if (status < 0) return status;
    registrations_lock.lock();
    drop_registrations([=](const Registration& one) {
        return one.epoll == epoll && one.descriptor == descriptor;
    });
    const bool has_room = registration_count < sizeof registrations / sizeof registrations[0];
    if (operation != EPOLL_CTL_DEL && has_room) {
        registrations[registration_count++] = {epoll, descriptor, *event};
    }
    registrations_lock.unlock();
    return status;
}

void close_epoll(std::int32_t epoll) {
    registrations_lock.lock();
    drop_registrations([=](const Registration& one) { return one.epoll == epoll; });
    registrations_lock.unlock();
    epoll_before.close(epoll);
}

std::int32_t enroll(std::int32_t ring, std::uint32_t what, void* argument, std::uint32_t count) {
    const Site site = what == IORING_REGISTER_ENABLE_RINGS ? Site::ring_enable : Site::ring_enroll;
    if (what != IORING_UNREGISTER_RING_FDS) {
        if (const int code = error_at(site)) return -code;
    }
    return ring_before.enroll(ring, what, argument, count);
}

std::int32_t map(std::int32_t ring, std::size_t size, std::uint64_t offset, void** out) {
    if (const int code = error_at(Site::ring_map)) return -code;
    const std::int32_t status = ring_before.map(ring, size, offset, out);
    if (status == 0) count_mappings(+1);
    return status;
}

void unmap(void* memory, std::size_t size) {
    count_mappings(-1);
    ring_before.unmap(memory, size);
}

// ---- transfers that are cut short

// A no-operation that ends with the result it is given (Linux 6.10; before that with EINVAL).
constexpr std::uint32_t nop_inject_result = 1;

Site site_of(const io_uring_sqe& submission, bool is_own) {
    switch (submission.opcode) {
        case IORING_OP_RECV:
        case IORING_OP_RECVMSG:
            return Site::ring_receive;
        case IORING_OP_SEND:
        case IORING_OP_SENDMSG:
            return Site::ring_send;
        case IORING_OP_ACCEPT:
            return Site::ring_accept;
        case IORING_OP_ASYNC_CANCEL:
            return Site::ring_cancel;
        default:
            if (!is_own) return Site::ring_poll;
            return submission.len != 0 ? Site::ring_wake : Site::ring_wake_once;
    }
}

// The first piece that is not empty, as a transfer of its own.
void cut(io_uring_sqe& submission, std::size_t limit) {
    const bool receives = submission.opcode == IORING_OP_RECVMSG;
    if (receives || submission.opcode == IORING_OP_SENDMSG) {
        const auto* message = reinterpret_cast<const msghdr*>(submission.addr);
        std::size_t i = 0;
        while (i + 1 < message->msg_iovlen && message->msg_iov[i].iov_len == 0) ++i;
        const iovec& piece = message->msg_iov[i];
        submission.opcode = receives ? IORING_OP_RECV : IORING_OP_SEND;
        submission.addr = reinterpret_cast<std::uintptr_t>(piece.iov_base);
        submission.len = static_cast<std::uint32_t>(piece.iov_len < limit ? piece.iov_len : limit);
    }
    if (submission.len > limit) submission.len = static_cast<std::uint32_t>(limit);
}

}  // namespace

void wrap_linux_tables() {
    using os::EpollTable;
    using os::IoUringTable;
    using os::MemoryTable;
    memory_before = os::memory_table;
    os::MemoryTable& memory = os::memory_table;
    memory.reserve = reserve;
    memory.release = release;
    wrap<memory_before, &MemoryTable::install_guards, Site::install_guards, number>(memory);
    wrap<memory_before, &MemoryTable::forbid, Site::forbid, number>(memory);
    wrap<memory_before, &MemoryTable::discard, Site::discard, number>(memory);
    wrap<memory_before, &MemoryTable::try_guards, Site::try_guards, no>(memory);

    epoll_before = os::epoll_table;
    os::EpollTable& epoll = os::epoll_table;
    wrap<epoll_before, &EpollTable::create, Site::epoll_create, number>(epoll);
    epoll.control = control;
    epoll.close = close_epoll;
    wrap<epoll_before, &EpollTable::wait, Site::epoll_wait, number_of_wait>(epoll);
    wrap<epoll_before, &EpollTable::wait_precisely, Site::epoll_wait_precisely, number_of_wait>(
        epoll);

    ring_before = os::io_uring_table;
    os::IoUringTable& ring = os::io_uring_table;
    wrap<ring_before, &IoUringTable::setup, Site::ring_setup, number_of_kernel>(ring);
    wrap<ring_before, &IoUringTable::enter, Site::ring_enter, number_of_kernel>(ring);
    ring.enroll = enroll;
    ring.map = map;
    ring.unmap = unmap;
}

void report_again(os::Handle handle) {
    registrations_lock.lock();
    for (std::size_t i = 0; i < registration_count; ++i) {
        Registration& one = registrations[i];
        if (one.descriptor != handle) continue;
        epoll_before.control(one.epoll, EPOLL_CTL_MOD, one.descriptor, &one.event);
    }
    registrations_lock.unlock();
}

void judge_submission(io_uring_sqe& submission, bool is_own) {
    const Verdict verdict = judge(site_of(submission, is_own));
    if (verdict.limit != SIZE_MAX) return cut(submission, verdict.limit);
    if (verdict.code == 0) return;
    const std::uint64_t cookie = submission.user_data;
    submission = io_uring_sqe{};
    submission.opcode = IORING_OP_NOP;
    submission.fd = -1;
    submission.rw_flags = nop_inject_result;
    submission.len = static_cast<std::uint32_t>(-verdict.code);
    submission.user_data = cookie;
}

}  // namespace zio::fault
