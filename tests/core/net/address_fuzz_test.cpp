// SPDX-License-Identifier: MIT
// Random and mutated strings against inet_pton, random addresses against inet_ntop, and both ways
// through the text form. The seed is fixed; ZIO_SEED chooses another, ZIO_TEST_SCALE the volume.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "core/base/error.hpp"
#include "core/net/address.hpp"
#include "tests/core/net/address_judge.hpp"

namespace zio::net {
namespace {

constexpr std::uint16_t default_port = 7;

class Random {
  public:
    explicit Random(std::uint64_t stream) {
        const char* const seed = std::getenv("ZIO_SEED");
        state_ = (seed != nullptr ? std::strtoull(seed, nullptr, 0) : 20240229) * 1000 + stream;
    }
    std::uint64_t next() {  // splitmix64
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
    std::size_t below(std::size_t limit) { return next() % limit; }
    bool one_in(unsigned chances) { return below(chances) == 0; }

  private:
    std::uint64_t state_;
};

std::size_t scaled(std::size_t volume) {
    const char* const scale = std::getenv("ZIO_TEST_SCALE");
    return scale != nullptr
               ? static_cast<std::size_t>(static_cast<double>(volume) * std::strtod(scale, nullptr))
               : volume;
}

struct Tally {
    std::size_t accepted = 0;
    std::size_t refused = 0;
};

void compare_with_judge(const std::string& text, Tally& tally) {
    Address got{};
    const std::int32_t result = parse_address(got, text.data(), text.size(), default_port);
    const std::optional<Address> wanted = judge(text, default_port);
    if (!wanted) {
        ++tally.refused;
        ASSERT_EQ(result, error::invalid_argument) << testing::PrintToString(text);
        return;
    }
    ++tally.accepted;
    ASSERT_EQ(result, error::ok) << testing::PrintToString(text);
    ASSERT_EQ(std::memcmp(&got, &*wanted, sizeof got), 0) << testing::PrintToString(text);
}

// --- strings and addresses ----------------------------------------------------------------------

// No 'l', 'o', 't' or 'h': nothing here can be the name of an interface.
constexpr char alphabet[] = "0123456789abcdefABCDEF::::....%[]gx +-/\0";

std::string random_text(Random& random) {
    std::string text(random.below(24), ' ');
    for (char& c : text) c = alphabet[random.below(sizeof alphabet - 1)];
    return text;
}

// Zeros are frequent, so that "::" and its rules are exercised.
Address random_ip(Random& random) {
    Address address{};
    address.family = random.one_in(2) ? os::family_version_4 : os::family_version_6;
    address.port = static_cast<std::uint16_t>(random.next());
    const unsigned size = address.family == os::family_version_4 ? 4 : 16;
    const unsigned zeros = 1 + static_cast<unsigned>(random.below(4));
    for (unsigned i = 0; i < size; i += 2) {
        const bool is_zero = random.one_in(zeros);
        const std::uint64_t bits = random.one_in(3) ? random.below(256) : random.next();
        address.ip[i] = is_zero ? 0 : static_cast<std::uint8_t>(bits >> 8);
        address.ip[i + 1] = is_zero ? 0 : static_cast<std::uint8_t>(bits);
    }
    if (size == 16 && random.one_in(8)) {
        std::memset(address.ip, 0, 10);
        std::memset(address.ip + 10, 0xff, 2);
    }
    if (size == 16 && random.one_in(4)) {
        address.scope_id = static_cast<std::uint32_t>(random.next() >> random.below(32));
    }
    return address;
}

std::string text_of(const Address& address) {
    char text[256];
    const std::int64_t length = format_address(address, text, sizeof text);
    EXPECT_GT(length, 0);
    return length > 0 ? std::string(text, static_cast<std::size_t>(length)) : std::string();
}

// Something that is an address, in one of the forms people write.
std::string valid_text(Random& random) {
    const Address address = random_ip(random);
    std::string text = text_of(address);
    if (random.one_in(2)) {  // bare
        text.resize(text.rfind(':'));
        if (text[0] == '[') text = text.substr(1, text.size() - 2);
    }
    if (random.one_in(4)) {
        std::transform(text.begin(), text.end(), text.begin(),
                       [](char c) { return static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c); });
    }
    return text;
}

std::string mutated(std::string text, Random& random) {
    for (std::size_t changes = 1 + random.below(3); changes > 0; --changes) {
        const std::size_t at = random.below(text.size() + 1);
        const char c = alphabet[random.below(sizeof alphabet - 1)];
        switch (random.below(6)) {
            case 0:
                text.insert(at, 1, c);
                break;
            case 1:
                if (at < text.size()) text[at] = c;
                break;
            case 2:
                if (at < text.size()) text.erase(at, 1 + random.below(3));
                break;
            case 3:
                text.insert(at, text.substr(at, 1 + random.below(4)));
                break;
            case 4:
                if (at + 1 < text.size()) std::swap(text[at], text[at + 1]);
                break;
            default:
                text.resize(at);
                break;
        }
    }
    return text;
}

// --- the tests ----------------------------------------------------------------------------------

TEST(AddressFuzz, RandomTextIsReadAsInetPtonReadsIt) {
    Random random(1);
    Tally tally;
    for (std::size_t i = 0; i < scaled(300000); ++i) {
        ASSERT_NO_FATAL_FAILURE(compare_with_judge(random_text(random), tally));
    }
    EXPECT_GT(tally.refused, tally.accepted);
}

TEST(AddressFuzz, MutatedAddressesAreReadAsInetPtonReadsThem) {
    Random random(2);
    Tally tally;
    for (std::size_t i = 0; i < scaled(300000); ++i) {
        const std::string text = mutated(valid_text(random), random);
        ASSERT_NO_FATAL_FAILURE(compare_with_judge(text, tally));
    }
    // Worth nothing unless both answers are frequent.
    EXPECT_GT(tally.accepted, scaled(300000) / 20);
    EXPECT_GT(tally.refused, scaled(300000) / 20);
}

TEST(AddressFuzz, ValidTextInEveryFormIsAccepted) {
    Random random(3);
    Tally tally;
    for (std::size_t i = 0; i < scaled(100000); ++i) {
        ASSERT_NO_FATAL_FAILURE(compare_with_judge(valid_text(random), tally));
    }
    EXPECT_EQ(tally.refused, 0u);
}

TEST(AddressFuzz, RandomIpAddressesSurviveTheirText) {
    Random random(4);
    for (std::size_t i = 0; i < scaled(200000); ++i) {
        const Address address = random_ip(random);
        const std::string text = text_of(address);
        Address back{};
        ASSERT_EQ(parse_address(back, text.data(), text.size(), 0), error::ok) << text;
        ASSERT_EQ(std::memcmp(&address, &back, sizeof address), 0) << text;
    }
}

TEST(AddressFuzz, TextIsTheSystemsOwn) {
    Random random(5);
    for (std::size_t i = 0; i < scaled(200000); ++i) {
        Address address = random_ip(random);
        address.scope_id = 0;
        const bool is_version_6 = address.family == os::family_version_6;
        static constexpr std::uint8_t zeros[12] = {};
        // There the system writes "::1.2.3.4", a form that RFC 4291 gave up.
        if (is_version_6 && std::memcmp(address.ip, zeros, sizeof zeros) == 0) continue;
        char system[INET6_ADDRSTRLEN];
        ASSERT_NE(inet_ntop(is_version_6 ? AF_INET6 : AF_INET, address.ip, system, sizeof system),
                  nullptr);
        const std::string port = ":" + std::to_string(address.port);
        const std::string wanted =
            is_version_6 ? "[" + std::string(system) + "]" + port : system + port;
        ASSERT_EQ(text_of(address), wanted);
    }
}

TEST(AddressFuzz, RandomUnixNamesSurviveTheirTextAndTheSystem) {
    Random random(6);
    for (std::size_t i = 0; i < scaled(100000); ++i) {
        Address address{};
        address.family = os::family_unix;
        const bool is_abstract = os::unix_abstract_limit > 0 && random.one_in(2);
        const std::size_t limit = is_abstract ? os::unix_abstract_limit : os::unix_path_limit;
        address.path_len = static_cast<std::uint16_t>(1 + random.below(limit));
        for (unsigned j = 1; j < address.path_len; ++j) {
            address.path[j] =
                static_cast<char>(is_abstract ? random.below(256) : 1 + random.below(255));
        }
        address.path[0] = is_abstract ? '\0' : '/';
        const std::string text = text_of(address);
        Address back{};
        ASSERT_EQ(parse_address(back, text.data(), text.size(), 0), error::ok);
        ASSERT_EQ(std::memcmp(&address, &back, sizeof address), 0);
        unsigned char system[os::sockaddr_size];
        const std::int64_t size = os::to_sockaddr(address, system, sizeof system);
        ASSERT_GT(size, 0);
        ASSERT_EQ(os::from_sockaddr(back, system, static_cast<std::size_t>(size)), error::ok);
        ASSERT_EQ(std::memcmp(&address, &back, sizeof address), 0);
    }
}

// The system's bytes may be anything; nothing is read beyond them, and what is understood is kept.
TEST(AddressFuzz, RandomSystemBytesAreReadOrRefused) {
    Random random(7);
    std::size_t understood = 0;
    for (std::size_t i = 0; i < scaled(200000); ++i) {
        std::string bytes(random.below(os::sockaddr_size + 1), '\0');
        const bool is_sparse = random.one_in(2);
        for (char& c : bytes)
            c = is_sparse && random.one_in(2) ? '\0' : static_cast<char>(random.next());
        const int families[] = {AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC};
        const auto family = static_cast<sa_family_t>(families[random.below(4)]);
        std::memcpy(bytes.data(), &family, std::min(bytes.size(), sizeof family));
        bytes.shrink_to_fit();
        Address address{};
        if (os::from_sockaddr(address, bytes.data(), bytes.size()) != error::ok) continue;
        ++understood;
        unsigned char system[os::sockaddr_size];
        const std::int64_t size = os::to_sockaddr(address, system, sizeof system);
        ASSERT_GT(size, 0);
        Address back{};
        ASSERT_EQ(os::from_sockaddr(back, system, static_cast<std::size_t>(size)), error::ok);
        ASSERT_EQ(std::memcmp(&address, &back, sizeof address), 0);
    }
    EXPECT_GT(understood, scaled(200000) / 10);
}

}  // namespace
}  // namespace zio::net
