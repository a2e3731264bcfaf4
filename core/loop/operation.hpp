// SPDX-License-Identifier: MIT
#pragma once
// One pending request to the system, as a value in the frame of whoever waits for it. Nothing is
// allocated for it; its address is the cookie that the kernel gives back.
//
//   idle ──start()──► started ──finish()──► finished ──reset()──► idle
//                        │                     ▲
//                        └──cancel()──► canceling
//
// From start until finish the operation and its buffers belong to the loop and the kernel. It
// finishes exactly once, with a count or a negative error; `error::canceled` means that it had no
// effect at all. Only the loop that started it (its home) touches it.
#include <cstdint>

#include "core/base/assert.hpp"
#include "core/base/error.hpp"
#include "core/base/relaxed.hpp"
#include "core/os/probe.hpp"
#include "core/os/table.hpp"

namespace zio::loop {

enum class OperationKind : std::uint8_t {
    receive,         // Transfer, from a socket
    send,            // Transfer, to a socket
    receive_vector,  // VectorTransfer
    send_vector,     // VectorTransfer
    read,            // Transfer, from what is not a socket (a pipe, a terminal, an eventfd)
    write,           // Transfer
    read_vector,     // VectorTransfer
    write_vector,    // VectorTransfer
    accept,          // Accept: the result is the new descriptor
    connect,         // Connect
    ready,           // Ready: the result is the os::ready_* bits that are true
};
inline constexpr unsigned operation_kind_count = 11;

enum class OperationState : std::uint8_t { idle, started, canceling, finished };

// The direction whose readiness an operation of this kind waits for (`ready` may want both).
constexpr os::Direction direction_of(OperationKind kind) {
    switch (kind) {
        case OperationKind::send:
        case OperationKind::send_vector:
        case OperationKind::write:
        case OperationKind::write_vector:
        case OperationKind::connect:
            return os::Direction::write;
        default:
            return os::Direction::read;
    }
}

struct Operation {
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;

    Operation* next = nullptr;  // for whichever queue holds it
    void* waiter = nullptr;     // whoever asked; the loop never looks inside
    std::int64_t result = 0;
    const os::Handle handle;
    const OperationKind kind;
    OperationState state = OperationState::idle;
    // The descriptor is an object that lives in this loop until `forget`: what the backend knows of
    // it may be kept. Otherwise nothing about it is left behind when the operation has finished.
    const bool kept_descriptor;
    // Set by whoever closes the descriptor, before its message; the home may be looking already,
    // for an older message.
    Relaxed<bool> close_requested{false};
    bool expired = false;            // the waiter's deadline asked for the cancel
    bool lacks_memory = false;       // so it was ended
    std::uint8_t backend_flags = 0;  // belongs to the backend, as do the last two
    std::uint8_t order_lot = 0;      // decorators/seeded_order.hpp
    std::uint32_t backend_index = 0;
    Operation* backend_link = nullptr;

    // Backend: ends the operation.
    void finish(std::int64_t outcome) {
        ZIO_ASSERT(state == OperationState::started || state == OperationState::canceling);
        state = OperationState::finished;
        result = outcome;
        os::probe::operation_end(this, outcome);
    }
    // Waiter: uses the object once more (read_exact, write_all).
    void reset() {
        ZIO_ASSERT(state == OperationState::finished || state == OperationState::idle);
        state = OperationState::idle;
        close_requested = false;
        expired = lacks_memory = false;
        backend_flags = 0;
    }

  protected:
    Operation(OperationKind what, os::Handle on, bool kept)
        : handle(on), kind(what), kept_descriptor(kept) {}
    ~Operation() { ZIO_ASSERT(state == OperationState::idle || state == OperationState::finished); }
};

// Moves bytes between one piece of memory and a descriptor. `flags`: os::message_*, sockets only.
struct Transfer : Operation {
    void* data;
    std::size_t size;
    std::uint32_t flags;
    Transfer(OperationKind what, os::Handle on, bool kept, const void* memory, std::size_t bytes,
             std::uint32_t message_flags = 0)
        : Operation(what, on, kept),
          data(const_cast<void*>(memory)),
          size(bytes),
          flags(message_flags) {}
};

// The same for several pieces; `count` is at least 1 and at most `vector_limit`.
struct VectorTransfer : Operation {
    const os::Buffer* buffers;
    std::size_t count;
    std::uint32_t flags;
    // For the backend: a message header must outlive the submission (io_uring, IOCP).
    alignas(8) unsigned char backend_header[64];
    VectorTransfer(OperationKind what, os::Handle on, bool kept, const os::Buffer* pieces,
                   std::size_t piece_count, std::uint32_t message_flags = 0)
        : Operation(what, on, kept), buffers(pieces), count(piece_count), flags(message_flags) {}
};
inline constexpr std::size_t vector_limit = 1024;

// The result is a new descriptor, non-blocking and close-on-exec, which belongs to the waiter.
struct Accept : Operation {
    os::Address* peer;  // may be null; written on success only
    std::uint32_t peer_size = 0;
    alignas(8) unsigned char backend_address[128];
    Accept(os::Handle on, bool kept, os::Address* peer_address)
        : Operation(OperationKind::accept, on, kept), peer(peer_address) {}
};

struct Connect : Operation {
    const os::Address& target;
    alignas(8) unsigned char backend_address[128];
    Connect(os::Handle on, bool kept, const os::Address& address)
        : Operation(OperationKind::connect, on, kept), target(address) {}
};

// Waits until one of the `wanted` os::ready_* bits holds; hang-up and error always end it.
struct Ready : Operation {
    std::uint32_t wanted;
    Ready(os::Handle on, bool kept, std::uint32_t bits)
        : Operation(OperationKind::ready, on, kept), wanted(bits) {}
};

// Tries the operation's system call now, once: its result, or `error::would_block`. Waits for
// nothing and leaves nothing behind. `again`: a connect that is already under way asks for its
// outcome. This is how every readiness backend does its work, and every ZIO_IMMEDIATE call.
std::int64_t attempt(Operation& operation, bool again);

}  // namespace zio::loop
