// SPDX-License-Identifier: MIT
// Addresses as the system has them: byte by byte, at every size, and through a real socket.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.hpp"
#include "core/net/address.hpp"

namespace zio::net {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr std::size_t unix_header = offsetof(sockaddr_un, sun_path);
constexpr std::size_t unix_room = sizeof(sockaddr_un) - unix_header;

Address parsed(std::string_view text) {
    Address address{};
    EXPECT_EQ(parse_address(address, text.data(), text.size(), 0), error::ok) << text;
    return address;
}

// The family is in the machine's order, everything behind it is the same everywhere.
std::string with_family(sa_family_t family, std::string_view rest) {
    return std::string(reinterpret_cast<const char*>(&family), sizeof family) + std::string(rest);
}

std::string system_bytes(const Address& address) {
    char bytes[os::sockaddr_size];
    const std::int64_t size = os::to_sockaddr(address, bytes, sizeof bytes);
    EXPECT_GT(size, 0);
    return size < 0 ? std::string() : std::string(bytes, static_cast<std::size_t>(size));
}

bool same(const Address& left, const Address& right) {
    return std::memcmp(&left, &right, sizeof left) == 0;
}

#ifdef __linux__
TEST(AddressSystem, GoldenBytes) {
    EXPECT_EQ(system_bytes(parsed("1.2.3.4:4660")),
              with_family(AF_INET, "\x12\x34\x01\x02\x03\x04\0\0\0\0\0\0\0\0"sv));
    Address ip6 = parsed("[2001:db8::ff]:80");
    ip6.flow = 0x000abcde;
    EXPECT_EQ(system_bytes(ip6),
              with_family(AF_INET6,
                          "\x00\x50\x00\x0a\xbc\xde\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\xff"
                          "\0\0\0\0"sv));
    EXPECT_EQ(system_bytes(parsed("unix:/tmp/s")), with_family(AF_UNIX, "/tmp/s\0"sv));
    EXPECT_EQ(system_bytes(parsed("unix:@ab")), with_family(AF_UNIX, "\0ab"sv));
    Address unnamed{};
    unnamed.family = os::family_unix;
    EXPECT_EQ(system_bytes(unnamed), with_family(AF_UNIX, ""sv));
}
#endif

TEST(AddressSystem, ScopeIsInTheMachinesOrder) {
    sockaddr_in6 system;
    ASSERT_EQ(os::to_sockaddr(parsed("[fe80::1%258]:1"), &system, sizeof system), sizeof system);
    EXPECT_EQ(system.sin6_scope_id, 258u);
}

TEST(AddressSystem, ThereAndBackAtAnyAlignment) {
    for (const std::string_view text : {"1.2.3.4:5"sv, "[::1]:6"sv, "[fe80::1%9]:65535"sv,
                                        "unix:/a"sv, "unix:@x\0y"sv, "unix:@"sv}) {
        const Address address = parsed(text);
        char bytes[os::sockaddr_size + 8];
        for (unsigned shift = 0; shift < 8; ++shift) {
            const std::int64_t size = os::to_sockaddr(address, bytes + shift, sizeof bytes - shift);
            ASSERT_GT(size, 0) << text;
            Address back;
            std::memset(&back, 0x5a, sizeof back);
            ASSERT_EQ(os::from_sockaddr(back, bytes + shift, static_cast<std::size_t>(size)), 0);
            EXPECT_TRUE(same(address, back)) << text;
        }
    }
}

TEST(AddressSystem, TooLittleRoomIsRefusedAndUntouched) {
    for (const std::string_view text :
         {"1.2.3.4:5"sv, "[::1]:6"sv, "unix:/path"sv, "unix:@name"sv}) {
        const Address address = parsed(text);
        const std::size_t needed = system_bytes(address).size();
        for (std::size_t room = 0; room <= needed + 3; ++room) {
            std::string bytes(room + 1, '#');
            const std::int64_t size = os::to_sockaddr(address, bytes.data(), room);
            if (room < needed) {
                EXPECT_EQ(size, error::invalid_argument) << text << room;
                EXPECT_EQ(bytes, std::string(room + 1, '#'));
            } else {
                EXPECT_EQ(size, static_cast<std::int64_t>(needed)) << text << room;
                EXPECT_EQ(bytes[needed], '#');
            }
        }
    }
}

TEST(AddressSystem, TooShortIsRefused) {
    for (const std::string_view text : {"1.2.3.4:5"sv, "[::1]:6"sv}) {
        std::string bytes = system_bytes(parsed(text));
        Address address{};
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            // A copy of exactly this size, so that a read beyond it is seen by a sanitizer.
            const std::vector<char> cut(bytes.begin(), bytes.begin() + static_cast<long>(size));
            EXPECT_EQ(os::from_sockaddr(address, cut.data(), size), error::invalid_argument)
                << size;
        }
        bytes.resize(os::sockaddr_size);  // the size of a larger buffer is fine
        EXPECT_EQ(os::from_sockaddr(address, bytes.data(), bytes.size()), error::ok);
        EXPECT_TRUE(same(address, parsed(text)));
    }
}

TEST(AddressSystem, OtherFamiliesAreRefused) {
    for (const sa_family_t family : {AF_UNSPEC, AF_UNIX + 100, 0xffff}) {
        std::string bytes = with_family(family, std::string(30, '\0'));
        Address address{};
        EXPECT_EQ(os::from_sockaddr(address, bytes.data(), bytes.size()),
                  error::family_not_supported);
    }
    char out[os::sockaddr_size];
    EXPECT_EQ(os::to_sockaddr(Address{}, out, sizeof out), error::family_not_supported);
    Address address = parsed("1.2.3.4:5");
    address.reserved0 = 1;
    EXPECT_EQ(os::to_sockaddr(address, out, sizeof out), error::invalid_argument);
}

TEST(AddressSystem, UnixPathEndsAtItsNulWhateverTheSize) {
    const std::string bytes = with_family(AF_UNIX, "/a/b\0rest"sv);
    for (std::size_t size = unix_header + 4; size <= bytes.size(); ++size) {
        Address address{};
        ASSERT_EQ(os::from_sockaddr(address, bytes.data(), size), error::ok);
        EXPECT_TRUE(same(address, parsed("unix:/a/b"))) << size;
    }
    std::string whole = bytes;
    whole.resize(sizeof(sockaddr_storage), 'x');
    Address address{};
    EXPECT_EQ(os::from_sockaddr(address, whole.data(), whole.size()), error::ok);
    EXPECT_TRUE(same(address, parsed("unix:/a/b")));
}

TEST(AddressSystem, UnixPathTakesItsNulAlongWhileThereIsRoom) {
    const std::string path = "/" + std::string(unix_room - 2, 'p');
    EXPECT_EQ(system_bytes(parsed("unix:" + path)), with_family(AF_UNIX, path + '\0'));
}

// The system accepts and gives out paths without a NUL; they must not end an accept.
TEST(AddressSystem, UnixPathMayFillItsFieldToTheLastByte) {
    const std::string bytes = with_family(AF_UNIX, "/" + std::string(unix_room - 1, 'p'));
    Address address{};
    ASSERT_EQ(os::from_sockaddr(address, bytes.data(), bytes.size()), error::ok);
    EXPECT_EQ(address.path_len, unix_room);
    EXPECT_EQ(system_bytes(address), bytes);
}

TEST(AddressSystem, UnixNameWithoutAnEndIsRefused) {
    for (const char first : {'/', '\0'}) {
        std::string bytes = with_family(AF_UNIX, first + std::string(unix_room, 'p'));
        Address address{};
        EXPECT_EQ(os::from_sockaddr(address, bytes.data(), bytes.size()), error::invalid_argument);
    }
}

TEST(AddressSystem, UnixAddressesThatNoSystemTakes) {
    char out[os::sockaddr_size];
    Address address{};
    address.family = os::family_unix;
    std::memcpy(address.path, "/a\0b", 4);
    address.path_len = 4;
    EXPECT_EQ(os::to_sockaddr(address, out, sizeof out), error::invalid_argument);
    std::memset(address.path, 'p', sizeof address.path);
    for (const std::size_t length : {unix_room + 1, std::size_t{112}, std::size_t{65535}}) {
        address.path_len = static_cast<std::uint16_t>(length);
        EXPECT_EQ(os::to_sockaddr(address, out, sizeof out), error::name_too_long) << length;
    }
}

// Binds a socket there and asks the system what it understood.
void expect_bound_as_given(std::string_view text) {
    const Address wanted = parsed(text);
    sockaddr_storage system;
    const std::int64_t size = os::to_sockaddr(wanted, &system, sizeof system);
    ASSERT_GT(size, 0) << text;
    const int fd = ::socket(system.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) GTEST_SKIP() << "no sockets of this family: " << text;
    const auto* const named = reinterpret_cast<const sockaddr*>(&system);
    if (::bind(fd, named, static_cast<socklen_t>(size)) < 0) {
        ::close(fd);
        GTEST_SKIP() << "cannot be bound here: " << text << ": " << std::strerror(errno);
    }
    sockaddr_storage found{};
    socklen_t found_size = sizeof found;
    EXPECT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&found), &found_size), 0);
    ::close(fd);
    Address got{};
    EXPECT_EQ(os::from_sockaddr(got, &found, found_size), error::ok);
    EXPECT_EQ(got.port != 0, wanted.family != os::family_unix);
    got.port = wanted.port;  // the system chose one
    EXPECT_TRUE(same(got, wanted)) << text;
}

TEST(AddressSystem, Ip4SocketIsBoundAsGiven) {
    expect_bound_as_given("127.0.0.1:0");
}
TEST(AddressSystem, Ip6SocketIsBoundAsGiven) {
    expect_bound_as_given("[::1]:0");
}

TEST(AddressSystem, UnixSocketIsBoundAsGiven) {
    const std::string path = testing::TempDir() + "zio-address-" + std::to_string(::getpid());
    expect_bound_as_given("unix:" + path);
    ::unlink(path.c_str());
}

#ifdef __linux__
TEST(AddressSystem, AbstractSocketIsBoundAsGiven) {
    expect_bound_as_given("unix:@zio-address-" + std::to_string(::getpid()));
    expect_bound_as_given("unix:@zio\0address\0"s + std::to_string(::getpid()));
}

TEST(AddressSystem, PeerWithoutANameIsUnnamed) {
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    sockaddr_storage found{};
    socklen_t size = sizeof found;
    EXPECT_EQ(::getpeername(fds[0], reinterpret_cast<sockaddr*>(&found), &size), 0);
    ::close(fds[0]);
    ::close(fds[1]);
    Address got{};
    EXPECT_EQ(os::from_sockaddr(got, &found, size), error::ok);
    EXPECT_EQ(got.family, os::family_unix);
    EXPECT_EQ(got.path_len, 0);
}
#endif

}  // namespace
}  // namespace zio::net
