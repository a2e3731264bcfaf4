// SPDX-License-Identifier: MIT
// What is an address and what is not, how each is written, and how it looks to the system.
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.hpp"
#include "core/net/address.hpp"

namespace zio::net {
namespace {

using namespace std::string_view_literals;

constexpr std::uint16_t default_port = 7;

std::int32_t parse(std::string_view text, Address& out) {
    return parse_address(out, text.data(), text.size(), default_port);
}

std::string format(const Address& address) {
    char text[256];
    const std::int64_t length = format_address(address, text, sizeof text);
    return length < 0 ? "error " + std::to_string(length)
                      : std::string(text, static_cast<std::size_t>(length));
}

struct Written {
    std::string_view given;
    std::string_view canonical;
};

// Each is an address, and is written like this.
const Written written[] = {
    {"0.0.0.0", "0.0.0.0:7"},
    {"127.0.0.1", "127.0.0.1:7"},
    {"255.255.255.255:65535", "255.255.255.255:65535"},
    {"192.0.2.1:0", "192.0.2.1:0"},
    {"::", "[::]:7"},
    {"::1", "[::1]:7"},
    {"[::1]:80", "[::1]:80"},
    {"[::]:0", "[::]:0"},
    {"2001:DB8::00ff", "[2001:db8::ff]:7"},
    {"0:0:0:0:0:0:0:0", "[::]:7"},
    {"1:2:3:4:5:6:7:8", "[1:2:3:4:5:6:7:8]:7"},
    {"1:2:3:4:5:6:7::", "[1:2:3:4:5:6:7:0]:7"},
    {"::2:3:4:5:6:7:8", "[0:2:3:4:5:6:7:8]:7"},
    {"1::8", "[1::8]:7"},
    // RFC 5952: a single zero group stays, the longest run goes, the first of equals.
    {"2001:db8:0:1:1:1:1:1", "[2001:db8:0:1:1:1:1:1]:7"},
    {"2001:0:0:1:0:0:0:1", "[2001:0:0:1::1]:7"},
    {"2001:db8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]:7"},
    {"0:0:1::", "[0:0:1::]:7"},
    {"1:0:0:2::", "[1:0:0:2::]:7"},
    {"::ffff:192.0.2.1", "[::ffff:192.0.2.1]:7"},
    {"::ffff:c000:201", "[::ffff:192.0.2.1]:7"},
    {"::192.0.2.1", "[::c000:201]:7"},
    {"64:ff9b::192.0.2.33", "[64:ff9b::c000:221]:7"},
    {"1:2:3:4:5:6:1.2.3.4", "[1:2:3:4:5:6:102:304]:7"},
    {"fe80::1%3", "[fe80::1%3]:7"},
    {"[fe80::1%4294967295]:1", "[fe80::1%4294967295]:1"},
    {"::1%0", "[::1]:7"},
    // Two colons or more are IPv6, so the last group is no port.
    {"::1:80", "[::1:80]:7"},
    {"unix:/", "unix:/"},
    {"unix:/run/a b.sock", "unix:/run/a b.sock"},
    {"unix:/with:colon", "unix:/with:colon"},
    {"unix:@", "unix:@"},
    {"unix:@name", "unix:@name"},
    {"unix:@@", "unix:@@"},
    {"unix:@/slash", "unix:@/slash"},
    {"unix:@a\0b"sv, "unix:@a\0b"sv},
    {"unix:@\0"sv, "unix:@\0"sv},
};

TEST(AddressText, AddressesAreReadAndWrittenCanonically) {
    for (const Written& row : written) {
        Address address{};
        ASSERT_EQ(parse(row.given, address), error::ok) << row.given;
        EXPECT_EQ(format(address), row.canonical) << row.given;
        Address again{};
        ASSERT_EQ(parse(row.canonical, again), error::ok) << row.canonical;
        EXPECT_EQ(std::memcmp(&address, &again, sizeof address), 0) << row.canonical;
    }
}

const std::string_view refused[] = {
    "",
    " ",
    "x",
    "localhost",
    "localhost:80",
    ":",
    "::1:",
    ":1",
    ":::",
    "::1::",
    "1::2::3",
    // IPv4
    "1",
    "1.2",
    "1.2.3",
    "1.2.3.",
    "1.2.3.4.",
    ".1.2.3.4",
    "1..3.4",
    "1.2.3.4.5",
    "256.1.1.1",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.00",
    "1.2.3.04",
    "0x1.2.3.4",
    "1.2.3.4 ",
    " 1.2.3.4",
    "+1.2.3.4",
    "1.2.3.-4",
    "1.2.3.4/8",
    "16909060",
    "1.2.3.4%1",
    "1.2.3.4\n",
    "1.2.3.4\0"sv,
    "1\0.2.3.4"sv,
    // ports
    "1.2.3.4:",
    "1.2.3.4:x",
    "1.2.3.4:-1",
    "1.2.3.4:+1",
    "1.2.3.4: 1",
    "1.2.3.4:1 ",
    "1.2.3.4:00",
    "1.2.3.4:080",
    "1.2.3.4:65536",
    "1.2.3.4:99999",
    "1.2.3.4:4294967376",
    "1.2.3.4:18446744073709551696",
    "1.2.3.4:0x50",
    "1.2.3.4:1:2",
    "1.2.3.4:80\0"sv,
    ":80",
    "[::1]:",
    "[::1]:x",
    "[::1]:65536",
    "[::1]:01",
    "[::1]:-1",
    "[::1]:80x",
    // brackets
    "[",
    "]",
    "[]",
    "[]:1",
    "[::1",
    "::1]",
    "::1]:80",
    "[::1]",
    "[::1]80",
    "[[::1]]:80",
    "[::1]]:80",
    "[1.2.3.4]:80",
    "[::1]:80:90",
    "x[::1]:80",
    "[ ::1]:80",
    "[::1 ]:80",
    "[]::1:80",
    // IPv6
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "1::2:3:4:5:6:7:8",
    "12345::",
    "::00000",
    "::g",
    "1:2:3:4:5:6:7:",
    ":1:2:3:4:5:6:7:8",
    ":1::",
    "1:::2",
    "::-1",
    "::+1",
    "::0x1",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1.2.3",
    "::1.2.3.4.5",
    "::1.2.3.256",
    "::01.2.3.4",
    "::1.2.3.4:5",
    "1.2.3.4::",
    "::.1.2.3",
    "1:2:3:4:5:6::1.2.3.4",
    "::ffff:1.2.3.4.",
    "1::2.3.4",
    // scopes
    "fe80::1%",
    "fe80::1%%1",
    "fe80::1%01",
    "fe80::1%4294967296",
    "fe80::1%-1",
    "fe80::1%1 ",
    "%1",
    "fe80::1%no-such-interface",
    "fe80::1%a-name-far-too-long-for-any",
    "fe80::1%\0"sv,
    "fe80::1%lo\0"sv,
    "fe80::1%lo:80"sv,
    "fe80::1%lo:"sv,
    "[fe80::1%lo:1]:80"sv,
    "[fe80::1%]:1",
    "[fe80::1]%1:1",
    // Unix
    "unix",
    "unix:",
    "unix: /x",
    "unix:x",
    "unix:./x",
    "unix:../x",
    "unix://x\0"sv,
    "unix:/a\0b"sv,
    "UNIX:/x",
    " unix:/x",
    "/x",
    "@x",
};

TEST(AddressText, EverythingElseIsRefusedAndWritesNothing) {
    for (const std::string_view text : refused) {
        Address address;
        std::memset(&address, 0x5a, sizeof address);
        const Address before = address;
        EXPECT_EQ(parse(text, address), error::invalid_argument) << '"' << text << '"';
        EXPECT_EQ(std::memcmp(&address, &before, sizeof address), 0) << text;
    }
}

TEST(AddressText, NulEndsTextWithoutLength) {
    Address address{};
    EXPECT_EQ(parse_address(address, "1.2.3.4:5", SIZE_MAX, 0), error::ok);
    EXPECT_EQ(format(address), "1.2.3.4:5");
    // A length stops in the middle of a longer text.
    EXPECT_EQ(parse_address(address, "1.2.3.4:56789", 11, 0), error::ok);
    EXPECT_EQ(format(address), "1.2.3.4:567");
}

TEST(AddressText, ScopesMayBeNames) {
    char name[IF_NAMESIZE];
    const unsigned index = 1;  // the loopback interface of every network namespace
    if (if_indextoname(index, name) == nullptr) GTEST_SKIP() << "there is no interface 1";
    const std::string text = "[fe80::1%" + std::string(name) + "]:9";
    Address address{};
    ASSERT_EQ(parse(text, address), error::ok) << text;
    EXPECT_EQ(address.scope_id, index);
    EXPECT_EQ(format(address), "[fe80::1%1]:9");
}

TEST(AddressText, UnixNamesFillWhatTheSystemHasAndNoMore) {
    const std::size_t most = sizeof(sockaddr_un::sun_path);
    Address address{};
    const std::string path = "/" + std::string(most - 2, 'p');
    EXPECT_EQ(parse("unix:" + path, address), error::ok);
    EXPECT_EQ(address.path_len, most - 1);
    EXPECT_EQ(format(address), "unix:" + path);
    EXPECT_EQ(parse("unix:" + path + "p", address), error::name_too_long);
    EXPECT_EQ(parse("unix:/" + std::string(100000, 'p'), address), error::name_too_long);
    if (os::unix_abstract_limit == 0) return;
    const std::string name(most - 1, 'n');
    EXPECT_EQ(parse("unix:@" + name, address), error::ok);
    EXPECT_EQ(address.path_len, most);
    EXPECT_EQ(format(address), "unix:@" + name);
    EXPECT_EQ(parse("unix:@" + name + "n", address), error::name_too_long);
}

TEST(AddressText, FormattingIsLikeSnprintf) {
    for (const Written& row : written) {
        Address address{};
        ASSERT_EQ(parse(row.given, address), error::ok);
        const std::size_t length = row.canonical.size();
        EXPECT_EQ(format_address(address, nullptr, 0), static_cast<std::int64_t>(length));
        for (std::size_t room = 1; room <= length + 2; ++room) {
            std::vector<char> text(room + 1, '#');
            EXPECT_EQ(format_address(address, text.data(), room),
                      static_cast<std::int64_t>(length));
            const std::size_t kept = std::min(room - 1, length);
            EXPECT_EQ(std::string_view(text.data(), kept), row.canonical.substr(0, kept));
            EXPECT_EQ(text[kept], '\0');
            EXPECT_EQ(text[room], '#');
        }
    }
}

TEST(AddressText, WhatHasNoTextThatIsReadBack) {
    Address address{};
    address.family = os::family_unix;
    EXPECT_EQ(format(address), "unix:");  // unnamed
    std::memcpy(address.path, "relative", 8);
    address.path_len = 8;
    EXPECT_EQ(format(address), "unix:relative");
    EXPECT_EQ(parse("unix:relative", address), error::invalid_argument);
}

TEST(AddressText, BadAddressesAreRefused) {
    char text[64];
    Address address{};
    EXPECT_EQ(format_address(address, text, sizeof text), error::family_not_supported);
    address.family = 4;
    EXPECT_EQ(format_address(address, text, sizeof text), error::family_not_supported);
    address.family = os::family_version_4;
    address.reserved0 = 1;
    EXPECT_EQ(format_address(address, text, sizeof text), error::invalid_argument);
    address = Address{};
    address.family = os::family_unix;
    std::memcpy(address.path, "/a\0b", 4);
    address.path_len = 4;
    EXPECT_EQ(format_address(address, text, sizeof text), error::invalid_argument);
    for (const unsigned length : {sizeof(sockaddr_un::sun_path) + 1, std::size_t{112},
                                  std::size_t{113}, std::size_t{65535}}) {
        std::memset(address.path, 'p', sizeof address.path);
        address.path_len = static_cast<std::uint16_t>(length);
        EXPECT_EQ(format_address(address, text, sizeof text), error::name_too_long) << length;
        address.path[0] = 0;
        EXPECT_EQ(format_address(address, text, sizeof text), error::name_too_long) << length;
    }
}

}  // namespace
}  // namespace zio::net
