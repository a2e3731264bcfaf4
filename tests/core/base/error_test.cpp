// SPDX-License-Identifier: MIT
// Every number of the public enum has its own name and its text, and every other int has an answer.
#include "core/base/error.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace zio {
namespace {

using Entry = std::pair<std::string, std::int32_t>;

// Read from the header itself, so that a number added there cannot be forgotten here.
std::vector<Entry> entries_of_header() {
    std::ifstream header(ZIO_BASE_HEADER);
    std::vector<Entry> entries;
    const std::regex line_form("^ +(ZIO_(OK|E[A-Z0-9]+)) = (-?[0-9]+),?.*");
    std::smatch match;
    for (std::string line; std::getline(header, line);) {
        if (std::regex_match(line, match, line_form)) {
            entries.emplace_back(match[1], std::stoi(match[3]));
        }
    }
    return entries;
}

TEST(Error, HeaderIsUnderstood) {
    // 60 POSIX numbers or more, 13 of the library's own and ZIO_OK.
    EXPECT_GE(entries_of_header().size(), 74u);
}

TEST(Error, EveryNumberOfTheEnumIsNamedAsThere) {
    for (const auto& [name, code] : entries_of_header()) {
        EXPECT_EQ(error_name(code), name) << code;
        EXPECT_STRNE(error_text(code), "unknown error") << name;
    }
}

TEST(Error, NamesAndTextsAreNotShared) {
    std::set<std::string> names;
    std::set<std::string> texts;
    unsigned known = 0;
    for (std::int32_t code = 0; code >= -1200; --code) {
        const std::string name = error_name(code);
        if (name == "unknown") continue;
        ++known;
        EXPECT_TRUE(names.insert(name).second) << name;
        EXPECT_TRUE(texts.insert(error_text(code)).second) << error_text(code);
    }
    EXPECT_GE(known, entries_of_header().size());
}

TEST(Error, PosixNumbersOutsideTheEnumHaveTheirPosixName) {
    EXPECT_STREQ(error_name(-4), "EINTR");
    EXPECT_STREQ(error_name(-88), "ENOTSOCK");
    EXPECT_STREQ(error_text(-88), "not a socket");
}

TEST(Error, AnyIntHasAnAnswer) {
    for (const std::int32_t code :
         {INT32_MIN, INT32_MIN + 1, -1101, -999, -134, -15, 1, 22, INT32_MAX}) {
        EXPECT_STREQ(error_text(code), "unknown error") << code;
        EXPECT_STREQ(error_name(code), "unknown") << code;
    }
    for (std::int32_t code = -70000; code <= 70000; ++code) {
        ASSERT_NE(error_text(code), nullptr);
        ASSERT_NE(error_name(code), nullptr);
    }
}

}  // namespace
}  // namespace zio
