// SPDX-License-Identifier: MIT
#pragma once
// The two queues that a process shares with the kernel, and the one call that moves both. Knows
// nothing of operations: submissions go in, completions come out.
//
// Who writes what: the submission tail and the completion head are ours (release stores), the
// submission head, the completion tail and the flags are the kernel's (acquire loads). The kernel
// moves its submission head only inside `enter`.
#include <atomic>
#include <cstdint>

#include "core/base/assert.hpp"
#include "core/os/linux/io_uring.hpp"

namespace zio::loop::io_uring {

// Everything that is ever submitted here, the self-test's included.
inline constexpr std::uint8_t used_operations[] = {
    IORING_OP_NOP,  IORING_OP_POLL_ADD, IORING_OP_ASYNC_CANCEL, IORING_OP_RECV,
    IORING_OP_SEND, IORING_OP_RECVMSG,  IORING_OP_SENDMSG,      IORING_OP_ACCEPT,
};

class Ring {
  public:
    Ring() = default;
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    // Whoever owns a ring closes it.
    ~Ring() { ZIO_ASSERT(descriptor_ < 0); }

    // All of these: 0 or minus the kernel's error number.
    std::int32_t open(std::uint32_t entries, std::uint32_t completion_entries,
                      std::uint32_t setup_flags);
    // Only what this backend uses can be submitted or registered from now on: a memory fault
    // elsewhere in the program cannot make the ring open files or start programs. Before `enable`.
    std::int32_t restrict_to_used();
    // Starts a ring that was opened with R_DISABLED, and binds a SINGLE_ISSUER one to this thread.
    // Once; later calls change nothing.
    std::int32_t enable();
    // Spares each `enter` of this thread the look-up of the descriptor.
    std::int32_t register_descriptor();
    // The registration belongs to the thread that made it and lasts until that thread ends; only
    // there can it be given back.
    void forget_registration(bool is_its_thread);
    void close(bool is_its_thread);

    bool is_open() const { return descriptor_ >= 0; }
    std::int32_t descriptor() const { return descriptor_; }
    std::uint32_t setup_flags() const { return setup_flags_; }
    std::uint32_t features() const { return features_; }
    std::uint32_t completion_capacity() const { return completion_mask_ + 1; }

    // A cleared submission, which counts as queued from now on; null when the queue is full.
    io_uring_sqe* take() {
        const std::uint32_t head = load(submission_head_);
        if (tail_ - head > submission_mask_) return nullptr;
        io_uring_sqe* submission = &submissions_[tail_++ & submission_mask_];
        *submission = io_uring_sqe{};
        return submission;
    }
    std::uint32_t queued_count() const { return tail_ - load(submission_head_); }

    // Submits `submit_count` of the queued, and lets the kernel work and wait as `flags` say.
    std::int32_t enter(std::uint32_t submit_count, std::uint32_t wait_count, std::uint32_t flags,
                       const io_uring_getevents_arg* argument);

    // The kernel has completions for us that it posts only when it is entered.
    bool has_deferred() const { return (load(flags_) & IORING_SQ_TASKRUN) != 0; }
    bool has_overflowed() const { return (load(flags_) & IORING_SQ_CQ_OVERFLOW) != 0; }

    std::uint32_t completion_head() const { return head_; }
    std::uint32_t completion_tail() const { return load(completion_tail_); }
    bool has_completed() const { return completion_tail() != head_; }
    const io_uring_cqe& completion(std::uint32_t position) const {
        return completions_[position & completion_mask_];
    }
    // Everything before `position` has been looked at.
    void release(std::uint32_t position) {
        head_ = position;
        std::atomic_ref(*completion_head_).store(position, std::memory_order_release);
    }

  private:
    static std::uint32_t load(std::uint32_t* shared) {
        return std::atomic_ref(*shared).load(std::memory_order_acquire);
    }
    std::int32_t map(const io_uring_params& parameters);

    std::uint32_t tail_ = 0;  // submissions handed out, published by `enter`
    std::uint32_t head_ = 0;  // completions looked at
    std::uint32_t submission_mask_ = 0;
    std::uint32_t completion_mask_ = 0;
    io_uring_sqe* submissions_ = nullptr;
    io_uring_cqe* completions_ = nullptr;
    std::uint32_t* submission_head_ = nullptr;
    std::uint32_t* submission_tail_ = nullptr;
    std::uint32_t* flags_ = nullptr;
    std::uint32_t* completion_head_ = nullptr;
    std::uint32_t* completion_tail_ = nullptr;
    std::int32_t descriptor_ = -1;
    std::int32_t registration_ = -1;
    std::uint32_t setup_flags_ = 0;
    std::uint32_t features_ = 0;
    bool is_enabled_ = false;
    void* queues_ = nullptr;
    std::size_t queues_size_ = 0;
    std::size_t submissions_size_ = 0;
};

}  // namespace zio::loop::io_uring
