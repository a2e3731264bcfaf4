// SPDX-License-Identifier: MIT
#include "tests/core/context/large_frames.hpp"

namespace zio::test {
namespace {

volatile long frames_left = 1L << 40;  // more than any stack holds

template <std::size_t bytes>
__attribute__((noinline)) int recurse() {
    volatile char frame[bytes];
    frame[0] = 1;
    frames_left = frames_left - 1;
    const int below = frames_left > 0 ? recurse<bytes>() : 0;
    asm volatile("" : : "r"(&frame[0]) : "memory");
    return below + frame[0];
}

}  // namespace

void recurse_in_frames_of(int kib) {
    switch (kib) {
        case 4:
            recurse<4 * 1024>();
            break;
        case 8:
            recurse<8 * 1024>();
            break;
        case 16:
            recurse<16 * 1024>();
            break;
        case 32:
            recurse<32 * 1024>();
            break;
        case 48:
            recurse<48 * 1024>();
            break;
        case 60:
            recurse<60 * 1024>();
            break;
        default:
            recurse<64>();
            break;
    }
}

}  // namespace zio::test
