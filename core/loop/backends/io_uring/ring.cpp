// SPDX-License-Identifier: MIT
#include "core/loop/backends/io_uring/ring.hpp"

#include <cerrno>

namespace zio::loop::io_uring {

namespace {

constexpr std::uint8_t used_registrations[] = {IORING_REGISTER_RING_FDS,
                                               IORING_UNREGISTER_RING_FDS};

}  // namespace

std::int32_t Ring::open(std::uint32_t entries, std::uint32_t completion_entries,
                        std::uint32_t setup_flags) {
    ZIO_ASSERT(!is_open());
    io_uring_params parameters{};
    parameters.flags = setup_flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    parameters.cq_entries = completion_entries;
    const std::int32_t descriptor = os::io_uring_table.setup(entries, &parameters);
    if (descriptor < 0) return descriptor;
    descriptor_ = descriptor;
    setup_flags_ = setup_flags;
    is_enabled_ = (setup_flags & IORING_SETUP_R_DISABLED) == 0;
    features_ = parameters.features;
    const std::int32_t status = map(parameters);
    if (status < 0) close(false);
    return status;
}

std::int32_t Ring::map(const io_uring_params& parameters) {
    const auto& sq = parameters.sq_off;
    const auto& cq = parameters.cq_off;
    // Both queues lie in one mapping on every kernel that has the features this backend asks for.
    if ((features_ & IORING_FEAT_SINGLE_MMAP) == 0) return -EOPNOTSUPP;
    const bool has_array = (setup_flags_ & os::io_uring_setup_no_sqarray) == 0;
    const std::size_t completions_end =
        cq.cqes + std::size_t{parameters.cq_entries} * sizeof(io_uring_cqe);
    const std::size_t array_end =
        has_array ? sq.array + std::size_t{parameters.sq_entries} * sizeof(std::uint32_t) : 0;
    const std::size_t size = array_end > completions_end ? array_end : completions_end;
    std::int32_t status = os::io_uring_table.map(descriptor_, size, IORING_OFF_SQ_RING, &queues_);
    if (status < 0) return status;
    queues_size_ = size;

    const std::size_t submissions_size = std::size_t{parameters.sq_entries} * sizeof(io_uring_sqe);
    void* submissions = nullptr;
    status = os::io_uring_table.map(descriptor_, submissions_size, IORING_OFF_SQES, &submissions);
    if (status < 0) return status;
    submissions_size_ = submissions_size;
    submissions_ = static_cast<io_uring_sqe*>(submissions);

    char* queues = static_cast<char*>(queues_);
    const auto word = [queues](std::uint32_t offset) {
        return reinterpret_cast<std::uint32_t*>(queues + offset);
    };
    submission_head_ = word(sq.head);
    submission_tail_ = word(sq.tail);
    submission_mask_ = *word(sq.ring_mask);
    flags_ = word(sq.flags);
    completion_head_ = word(cq.head);
    completion_tail_ = word(cq.tail);
    completion_mask_ = *word(cq.ring_mask);
    completions_ = reinterpret_cast<io_uring_cqe*>(queues + cq.cqes);
    tail_ = *submission_tail_;
    head_ = *completion_head_;
    // The array could reorder submissions; ours are always taken in their order.
    for (std::uint32_t i = 0; has_array && i < parameters.sq_entries; ++i) word(sq.array)[i] = i;
    return 0;
}

std::int32_t Ring::restrict_to_used() {
    constexpr unsigned operation_count = sizeof used_operations;
    constexpr unsigned count = operation_count + sizeof used_registrations;
    io_uring_restriction restrictions[count] = {};
    for (unsigned i = 0; i < count; ++i) {
        if (i < operation_count) {
            restrictions[i].opcode = IORING_RESTRICTION_SQE_OP;
            restrictions[i].sqe_op = used_operations[i];
        } else {
            restrictions[i].opcode = IORING_RESTRICTION_REGISTER_OP;
            restrictions[i].register_op = used_registrations[i - operation_count];
        }
    }
    return os::io_uring_table.enroll(descriptor_, IORING_REGISTER_RESTRICTIONS, restrictions,
                                     count);
}

std::int32_t Ring::enable() {
    if (is_enabled_) return 0;
    const std::int32_t status =
        os::io_uring_table.enroll(descriptor_, IORING_REGISTER_ENABLE_RINGS, nullptr, 0);
    is_enabled_ = status == 0;
    return status;
}

std::int32_t Ring::register_descriptor() {
    io_uring_rsrc_update update{};
    update.offset = UINT32_MAX;  // any free place
    update.data = static_cast<std::uint32_t>(descriptor_);
    const std::int32_t done =
        os::io_uring_table.enroll(descriptor_, IORING_REGISTER_RING_FDS, &update, 1);
    if (done != 1) return done < 0 ? done : -EBUSY;
    registration_ = static_cast<std::int32_t>(update.offset);
    return 0;
}

void Ring::forget_registration(bool is_its_thread) {
    if (registration_ < 0) return;
    if (is_its_thread) {
        io_uring_rsrc_update update{};
        update.offset = static_cast<std::uint32_t>(registration_);
        os::io_uring_table.enroll(descriptor_, IORING_UNREGISTER_RING_FDS, &update, 1);
    }
    registration_ = -1;
}

void Ring::close(bool is_its_thread) {
    if (!is_open()) return;
    forget_registration(is_its_thread);
    if (submissions_ != nullptr) os::io_uring_table.unmap(submissions_, submissions_size_);
    if (queues_ != nullptr) os::io_uring_table.unmap(queues_, queues_size_);
    os::io_uring_table.close(descriptor_);
    submissions_ = nullptr;
    queues_ = nullptr;
    descriptor_ = -1;
}

std::int32_t Ring::enter(std::uint32_t submit_count, std::uint32_t wait_count, std::uint32_t flags,
                         const io_uring_getevents_arg* argument) {
    std::atomic_ref(*submission_tail_).store(tail_, std::memory_order_release);
    std::int32_t ring = descriptor_;
    if (registration_ >= 0) {
        ring = registration_;
        flags |= IORING_ENTER_REGISTERED_RING;
    }
    return os::io_uring_table.enter(ring, submit_count, wait_count, flags, argument);
}

}  // namespace zio::loop::io_uring
