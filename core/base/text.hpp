// SPDX-License-Identifier: MIT
#pragma once
// Text into a buffer of the caller's, like snprintf: cut to what fits, and counted to its whole
// length.
#include <cstddef>
#include <cstdint>

namespace zio {

class Text {
  public:
    Text(char* text, std::size_t size) : text_(text), size_(size) {}
    void add(const char* piece) {
        while (*piece != '\0') put(*piece++);
    }
    void add_letter(char letter) { put(letter); }
    void add(std::uint64_t number) { add_digits(number, 10, 1); }
    void add_hexadecimal(std::uint64_t number) {
        add("0x");
        add_digits(number, 16, 1);
    }
    // Seconds with three decimals.
    void add_seconds(std::uint64_t span_ns) {
        add(span_ns / 1'000'000'000);
        put('.');
        add_digits(span_ns / 1'000'000 % 1000, 10, 3);
        add(" s");
    }
    std::size_t finish() {
        if (size_ != 0) text_[length_ < size_ ? length_ : size_ - 1] = '\0';
        return length_;
    }
    std::size_t length() const { return length_; }

  private:
    void put(char letter) {
        if (length_ < size_) text_[length_] = letter;
        ++length_;
    }
    void add_digits(std::uint64_t number, unsigned base, unsigned least) {
        char digits[20];
        unsigned count = 0;
        do {
            digits[count++] = "0123456789abcdef"[number % base];
            number /= base;
        } while (number != 0 || count < least);
        while (count > 0) put(digits[--count]);
    }

    char* text_;
    std::size_t size_;
    std::size_t length_ = 0;
};

}  // namespace zio
