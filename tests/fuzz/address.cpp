// SPDX-License-Identifier: MIT
// Addresses: what is accepted is what inet_pton accepts and means, is formatted and read back as
// the same; any bytes of a zio_addr_t and of a sockaddr are refused or understood both ways.
#include "zio/address.h"

#include <cstring>
#include <string>

#include "tests/core/net/address_judge.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using zio::fuzz::Input;

bool is_one_of(std::int64_t result, std::initializer_list<std::int64_t> results) {
    for (const std::int64_t allowed : results) {
        if (result == allowed) return true;
    }
    return false;
}

// The whole text, and that less room gives its beginning.
std::string text_of(const zio_addr_t& address, std::size_t less) {
    char text[160];
    std::memset(text, '#', sizeof text);
    const zio_ssize_t length = zio_addr_format(&address, text, sizeof text);
    HOLDS(length > 0 && length < 128);
    HOLDS(text[length] == 0 && text[length + 1] == '#');
    const std::string whole(text, static_cast<std::size_t>(length));
    char cut[160];
    std::memset(cut, '#', sizeof cut);
    const std::size_t room = less % (whole.size() + 2);
    HOLDS(zio_addr_format(&address, room != 0 ? cut : nullptr, room) == length);
    const std::size_t shown = room == 0 ? 0 : std::min(room - 1, whole.size());
    HOLDS(whole.compare(0, shown, cut, shown) == 0);
    HOLDS(room == 0 || cut[shown] == 0);
    HOLDS(cut[room] == '#');
    return whole;
}

void reads_back(const zio_addr_t& address, std::size_t less) {
    const std::string text = text_of(address, less);
    zio_addr_t back;
    HOLDS(zio_addr_parse(&back, text.data(), text.size(), 0) == 0);
    HOLDS(std::memcmp(&back, &address, sizeof back) == 0);
}

void passes_the_system(const zio_addr_t& address) {
    alignas(8) unsigned char system[128];
    const zio_ssize_t size = zio_addr_to_sockaddr(&address, system, sizeof system);
    HOLDS(size > 0);
    zio_addr_t back;
    HOLDS(zio_addr_from_sockaddr(&back, system, static_cast<std::uint32_t>(size)) == 0);
    HOLDS(std::memcmp(&back, &address, sizeof back) == 0);
    HOLDS(zio_addr_to_sockaddr(&address, system, static_cast<std::uint32_t>(size) - 1) ==
          ZIO_EINVAL);
}

void try_text(Input& input) {
    const auto port = static_cast<std::uint16_t>(input.number(2));
    const std::size_t less = input.byte();
    // A copy of its own, so that a byte read beyond the end is found.
    const std::string text(reinterpret_cast<const char*>(input.rest()), input.left());
    const std::string exact(text.data(), text.size());
    zio_addr_t address;
    std::memset(&address, 0x5a, sizeof address);
    const zio_addr_t before = address;
    const zio_err_t status = zio_addr_parse(&address, exact.data(), exact.size(), port);
    if (text.compare(0, 5, "unix:") == 0) {
        HOLDS(is_one_of(status, {0, ZIO_EINVAL, ZIO_ENAMETOOLONG}));
    } else {
        const auto judged = zio::net::judge(text, port);
        HOLDS(status == (judged ? 0 : ZIO_EINVAL));
        HOLDS(!judged || std::memcmp(&address, &*judged, sizeof address) == 0);
    }
    if (status != 0) {
        HOLDS(std::memcmp(&address, &before, sizeof address) == 0);
        return;
    }
    reads_back(address, less);
    passes_the_system(address);
    if (text.find('\0') != std::string::npos) return;
    zio_addr_t again;
    HOLDS(zio_addr_parse(&again, text.c_str(), static_cast<std::size_t>(-1), port) == 0);
    HOLDS(std::memcmp(&again, &address, sizeof again) == 0);
}

void try_address(Input& input) {
    zio_addr_t address{};
    const std::size_t less = input.byte();
    std::memcpy(&address, input.rest(), std::min(input.left(), sizeof address));
    address.family %= 5;
    char text[200];
    const zio_ssize_t length = zio_addr_format(&address, text, sizeof text);
    alignas(8) unsigned char system[128];
    const zio_ssize_t size = zio_addr_to_sockaddr(&address, system, sizeof system);
    if (length < 0 || size < 0) {
        HOLDS(length == size);  // both see the same fault
        HOLDS(is_one_of(length, {ZIO_EINVAL, ZIO_EAFNOSUPPORT, ZIO_ENAMETOOLONG}));
        return;
    }
    HOLDS(text_of(address, less) == std::string(text, static_cast<std::size_t>(length)));
    zio_addr_t known;
    HOLDS(zio_addr_from_sockaddr(&known, system, static_cast<std::uint32_t>(size)) == 0);
    passes_the_system(known);
}

void try_system(Input& input) {
    const std::string bytes(reinterpret_cast<const char*>(input.rest()),
                            std::min<std::size_t>(input.left(), 400));
    zio_addr_t address;
    const zio_err_t status =
        zio_addr_from_sockaddr(&address, bytes.data(), static_cast<std::uint32_t>(bytes.size()));
    HOLDS(is_one_of(status, {0, ZIO_EINVAL, ZIO_EAFNOSUPPORT}));
    if (status == 0) passes_the_system(address);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    switch (input.byte() % 8) {
        case 6:
            try_address(input);
            break;
        case 7:
            try_system(input);
            break;
        default:
            try_text(input);
    }
    return 0;
}
