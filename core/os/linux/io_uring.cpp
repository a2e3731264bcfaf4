// SPDX-License-Identifier: MIT
#include "core/os/linux/io_uring.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/fault.hpp"

namespace zio::os {

namespace {

std::int32_t checked(long result) {
    return static_cast<std::int32_t>(result >= 0 ? result : -errno);
}

std::int32_t setup(std::uint32_t entries, io_uring_params* parameters) {
    return checked(::syscall(__NR_io_uring_setup, entries, parameters));
}

std::int32_t enter(std::int32_t ring, std::uint32_t submit_count, std::uint32_t wait_count,
                   std::uint32_t flags, const io_uring_getevents_arg* argument) {
    return checked(::syscall(__NR_io_uring_enter, ring, submit_count, wait_count, flags, argument,
                             argument != nullptr ? sizeof *argument : 0));
}

std::int32_t enroll(std::int32_t ring, std::uint32_t what, void* argument, std::uint32_t count) {
    return checked(::syscall(__NR_io_uring_register, ring, what, argument, count));
}

std::int32_t map(std::int32_t ring, std::size_t size, std::uint64_t offset, void** out) {
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring,
                          static_cast<off_t>(offset));
    if (memory == MAP_FAILED) return -errno;
    *out = memory;
    return 0;
}

void unmap(void* memory, std::size_t size) {
    ::munmap(memory, size);
}

void close(std::int32_t ring) {
    ::close(ring);
}

}  // namespace

constinit IoUringTable io_uring_table = {
    .setup = setup,
    .enter = enter,
    .enroll = enroll,
    .map = map,
    .unmap = unmap,
    .close = close,
};

std::int32_t io_uring_disabled() {
    if (ZIO_FAULT_AT(read_setting) != 0) return -1;
    const int file = ::open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    char digit = 0;
    const ssize_t count = ::read(file, &digit, 1);
    ::close(file);
    return count == 1 && digit >= '0' && digit <= '9' ? digit - '0' : -1;
}

std::int32_t process_id() {
    return static_cast<std::int32_t>(::getpid());
}

std::int32_t thread_id() {
    return static_cast<std::int32_t>(::syscall(__NR_gettid));
}

bool is_thread_alive(std::int32_t thread) {
    return ::syscall(__NR_tgkill, ::getpid(), thread, 0) == 0;
}

}  // namespace zio::os
