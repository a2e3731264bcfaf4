// SPDX-License-Identifier: MIT
// Parsing and formatting of addresses. IPv4 and IPv6 are exactly what inet_pton takes, which the
// tests compare string by string; it is written again here because inet_pton wants a NUL, knows
// neither port nor scope, and lives behind a system header.
#include "core/net/address.hpp"

#include <cstring>
#include <string_view>

#include "core/base/error.hpp"

namespace zio::net {

namespace {

using std::string_view;

constexpr string_view unix_prefix = "unix:";
constexpr unsigned ip4_size = 4;
constexpr unsigned group_count = 8;  // of an IPv6 address, two bytes each

// A decimal number that is all of `text`: no sign, no leading zero, at most `most`.
bool read_number(string_view text, std::uint64_t most, std::uint64_t& out) {
    if (text.empty() || (text.size() > 1 && text[0] == '0')) return false;
    std::uint64_t number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return false;
        number = number * 10 + static_cast<unsigned>(c - '0');
        if (number > most) return false;
    }
    out = number;
    return true;
}

bool read_port(string_view text, std::uint16_t& out) {
    std::uint64_t number;
    if (!read_number(text, UINT16_MAX, number)) return false;
    out = static_cast<std::uint16_t>(number);
    return true;
}

bool read_ip4(string_view text, std::uint8_t* out) {
    for (unsigned i = 0; i < ip4_size; ++i) {
        const bool is_last = i + 1 == ip4_size;
        const std::size_t end = is_last ? text.size() : text.find('.');
        std::uint64_t number;
        if (end == string_view::npos || !read_number(text.substr(0, end), UINT8_MAX, number)) {
            return false;
        }
        out[i] = static_cast<std::uint8_t>(number);
        if (!is_last) text.remove_prefix(end + 1);
    }
    return true;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// Takes one to four hexadecimal digits off the front.
bool take_group(string_view& text, unsigned& out) {
    unsigned number = 0;
    std::size_t used = 0;
    while (used < text.size() && hex_digit(text[used]) >= 0) {
        if (used == 4) return false;
        number = number * 16 + static_cast<unsigned>(hex_digit(text[used++]));
    }
    text.remove_prefix(used);
    out = number;
    return used > 0;
}

// The groups of an IPv6 address as they are written, and where "::" stands among them.
struct Groups {
    std::uint8_t bytes[2 * group_count];
    unsigned count = 0;
    int gap = -1;

    void add(unsigned group) {
        bytes[2 * count] = static_cast<std::uint8_t>(group >> 8);
        bytes[2 * count + 1] = static_cast<std::uint8_t>(group);
        ++count;
    }
};

bool read_groups(string_view text, Groups& groups) {
    if (text.substr(0, 2) == "::") {
        groups.gap = 0;
        text.remove_prefix(2);
    }
    while (!text.empty()) {
        const string_view here = text;
        unsigned group;
        if (groups.count == group_count || !take_group(text, group)) return false;
        if (!text.empty() && text[0] == '.') {
            if (groups.count + 2 > group_count) return false;
            if (!read_ip4(here, groups.bytes + 2 * groups.count)) return false;
            groups.count += 2;
            return true;
        }
        groups.add(group);
        if (text.empty()) return true;
        if (text[0] != ':' || text.size() == 1) return false;
        text.remove_prefix(1);
        if (text[0] == ':') {
            if (groups.gap >= 0) return false;
            groups.gap = static_cast<int>(groups.count);
            text.remove_prefix(1);
        }
    }
    return true;
}

bool read_ip6(string_view text, std::uint8_t* out) {
    Groups groups;
    if (!read_groups(text, groups)) return false;
    if (groups.gap < 0) {
        if (groups.count != group_count) return false;
        std::memcpy(out, groups.bytes, sizeof groups.bytes);
        return true;
    }
    if (groups.count == group_count) return false;  // "::" is at least one group
    const std::size_t before = 2 * static_cast<std::size_t>(groups.gap);
    const std::size_t after = 2 * groups.count - before;
    std::memset(out, 0, sizeof groups.bytes);
    std::memcpy(out, groups.bytes, before);
    std::memcpy(out + sizeof groups.bytes - after, groups.bytes + before, after);
    return true;
}

bool read_scope(string_view text, std::uint32_t& out) {
    std::uint64_t number;
    if (read_number(text, UINT32_MAX, number)) {
        out = static_cast<std::uint32_t>(number);
        return true;
    }
    const bool is_number = text.find_first_not_of("0123456789") == string_view::npos;
    if (is_number) return false;  // empty, a leading zero, or too large
    const std::int64_t index = os::interface_index(text.data(), text.size());
    if (index < 0) return false;
    out = static_cast<std::uint32_t>(index);
    return true;
}

bool read_scoped_ip6(string_view text, Address& out) {
    const std::size_t percent = text.find('%');
    out.family = os::family_version_6;
    if (!read_ip6(text.substr(0, percent), out.ip)) return false;
    return percent == string_view::npos || read_scope(text.substr(percent + 1), out.scope_id);
}

// `text` is what follows "unix:".
std::int32_t read_unix(string_view text, Address& out) {
    if (text.empty()) return error::invalid_argument;
    const bool is_abstract = text[0] == '@';
    if (!is_abstract && (text[0] != '/' || text.find('\0') != string_view::npos)) {
        return error::invalid_argument;
    }
    if (is_abstract && os::unix_abstract_limit == 0) return error::not_supported;
    const std::size_t limit = is_abstract ? os::unix_abstract_limit : os::unix_path_limit;
    if (text.size() > limit) return error::name_too_long;
    out.family = os::family_unix;
    out.path_len = static_cast<std::uint16_t>(text.size());
    std::memcpy(out.path, text.data(), text.size());
    if (is_abstract) out.path[0] = 0;
    return error::ok;
}

// One colon separates a port from an IPv4 address; an IPv6 address has at least two, and takes a
// port only in brackets.
bool read_ip(string_view text, std::uint16_t default_port, Address& out) {
    if (!text.empty() && text[0] == '[') {
        const std::size_t end = text.find(']');
        if (end == string_view::npos || text.substr(end + 1, 1) != ":") return false;
        return read_scoped_ip6(text.substr(1, end - 1), out) &&
               read_port(text.substr(end + 2), out.port);
    }
    out.port = default_port;
    const std::size_t colon = text.find(':');
    if (colon != string_view::npos && text.find(':', colon + 1) != string_view::npos) {
        return read_scoped_ip6(text, out);
    }
    out.family = os::family_version_4;
    return read_ip4(text.substr(0, colon), out.ip) &&
           (colon == string_view::npos || read_port(text.substr(colon + 1), out.port));
}

// Text of any length into room that may be too small for it.
class Writer {
  public:
    Writer(char* out, std::size_t room) : out_(out), room_(room) {}

    void put(char c) {
        if (length_ < room_) out_[length_] = c;
        ++length_;
    }
    void put(string_view text) {
        for (const char c : text) put(c);
    }
    void put_number(std::uint32_t number, unsigned base) {
        char digits[10];
        std::size_t first = sizeof digits;
        do {
            digits[--first] = "0123456789abcdef"[number % base];
            number /= base;
        } while (number != 0);
        put(string_view(digits + first, sizeof digits - first));
    }
    // Ends the text where it ends or where the room does.
    std::int64_t finish() {
        if (room_ > 0) out_[length_ < room_ ? length_ : room_ - 1] = 0;
        return static_cast<std::int64_t>(length_);
    }

  private:
    char* out_;
    std::size_t room_;
    std::size_t length_ = 0;
};

void write_ip4(Writer& writer, const std::uint8_t* ip) {
    for (unsigned i = 0; i < ip4_size; ++i) {
        if (i > 0) writer.put('.');
        writer.put_number(ip[i], 10);
    }
}

unsigned group_at(const std::uint8_t* ip, unsigned index) {
    return static_cast<unsigned>(ip[2 * index]) << 8 | ip[2 * index + 1];
}

struct Run {
    unsigned start = group_count;
    unsigned length = 0;
};

// RFC 5952: "::" stands for the longest run of zero groups, the first of equals, never for one.
Run longest_zeros(const std::uint8_t* ip) {
    Run longest;
    for (unsigned i = 0; i < group_count; ++i) {
        Run run{i, 0};
        while (i < group_count && group_at(ip, i) == 0) {
            ++run.length;
            ++i;
        }
        if (run.length > longest.length) longest = run;
    }
    return longest.length >= 2 ? longest : Run{};
}

void write_ip6(Writer& writer, const std::uint8_t* ip) {
    static constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::memcmp(ip, mapped, sizeof mapped) == 0) {
        writer.put("::ffff:");
        write_ip4(writer, ip + sizeof mapped);
        return;
    }
    const Run zeros = longest_zeros(ip);
    for (unsigned i = 0; i < group_count; ++i) {
        if (i == zeros.start) {
            writer.put("::");
            i += zeros.length - 1;
            continue;
        }
        if (i > 0 && i != zeros.start + zeros.length) writer.put(':');
        writer.put_number(group_at(ip, i), 16);
    }
}

void write_unix(Writer& writer, const Address& address) {
    const string_view path(address.path, address.path_len);
    writer.put(unix_prefix);
    if (!address.is_abstract()) return writer.put(path);
    writer.put('@');
    writer.put(path.substr(1));
}

}  // namespace

std::int32_t parse_address(Address& out, const char* text, std::size_t size,
                           std::uint16_t default_port) noexcept {
    const string_view whole(text, size == SIZE_MAX ? std::strlen(text) : size);
    Address address{};
    if (whole.substr(0, unix_prefix.size()) == unix_prefix) {
        const std::int32_t error = read_unix(whole.substr(unix_prefix.size()), address);
        if (error != error::ok) return error;
    } else if (!read_ip(whole, default_port, address)) {
        return error::invalid_argument;
    }
    out = address;
    return error::ok;
}

std::int64_t format_address(const Address& address, char* out, std::size_t room) noexcept {
    if (const std::int32_t error = os::check_address(address)) return error;
    Writer writer(out, room);
    if (address.family == os::family_unix) {
        write_unix(writer, address);
        return writer.finish();
    }
    if (address.family == os::family_version_6) {
        writer.put('[');
        write_ip6(writer, address.ip);
        if (address.scope_id != 0) {
            writer.put('%');
            writer.put_number(address.scope_id, 10);
        }
        writer.put(']');
    } else {
        write_ip4(writer, address.ip);
    }
    writer.put(':');
    writer.put_number(address.port, 10);
    return writer.finish();
}

}  // namespace zio::net
