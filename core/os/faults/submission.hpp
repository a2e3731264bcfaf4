// SPDX-License-Identifier: MIT
#pragma once
// What is submitted to a ring passes here, in a build with ZIO_FAULTS=ON: a submission that shall
// fail becomes one of which the kernel itself says so, without any effect.
#include "core/base/fault.hpp"
#include "core/os/linux/io_uring.hpp"

#ifdef ZIO_FAULTS
namespace zio::fault {
// `is_own`: for the backend itself, not for one of its operations.
void judge_submission(io_uring_sqe& submission, bool is_own);
}  // namespace zio::fault
#define ZIO_FAULT_SUBMISSION(submission, is_own) ::zio::fault::judge_submission(submission, is_own)
#else
#define ZIO_FAULT_SUBMISSION(submission, is_own) static_cast<void>(0)
#endif
