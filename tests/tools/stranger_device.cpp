// SPDX-License-Identifier: MIT
// What stranger.c asks of C++.
#include <random>

extern "C" unsigned ask_device() {
    std::random_device device;
    return device();
}
