// SPDX-License-Identifier: MIT
#include "core/loop/backends/simulated/bytes.hpp"

#include <algorithm>
#include <cstring>

#include "core/base/assert.hpp"

namespace zio::loop::simulated {

std::size_t Pieces::size() const {
    std::size_t total = 0;
    for (std::size_t i = 0; i < count_; ++i) total += buffers_[i].size;
    return total;
}

unsigned char* Pieces::take(std::size_t limit, std::size_t* got) {
    while (count_ > 0 && offset_ == buffers_->size) {
        ++buffers_;
        --count_;
        offset_ = 0;
    }
    if (count_ == 0) {
        *got = 0;
        return nullptr;
    }
    auto* here = static_cast<unsigned char*>(buffers_->base) + offset_;
    *got = std::min(limit, buffers_->size - offset_);
    offset_ += *got;
    return here;
}

bool Bytes::reserve(std::size_t wanted) {
    if (wanted <= capacity_) return true;
    auto* larger = static_cast<unsigned char*>(take_memory(wanted, 1));
    if (larger == nullptr) return false;
    const std::size_t head = std::min(size_, capacity_ - first_);
    if (head > 0) std::memcpy(larger, memory_ + first_, head);
    if (size_ > head) std::memcpy(larger + head, memory_, size_ - head);
    give_memory(memory_, capacity_, 1);
    memory_ = larger;
    capacity_ = wanted;
    first_ = 0;
    return true;
}

void Bytes::put(Pieces& pieces, std::size_t size) {
    ZIO_ASSERT(size <= capacity_ - size_);
    if (size_ == 0) first_ = 0;  // the pages that are warm already
    while (size > 0) {
        std::size_t end = first_ + size_;
        if (end >= capacity_) end -= capacity_;
        const std::size_t contiguous = end >= first_ ? capacity_ - end : first_ - end;
        std::size_t part = 0;
        const unsigned char* source = pieces.take(std::min(size, contiguous), &part);
        ZIO_ASSERT(part > 0);
        std::memcpy(memory_ + end, source, part);
        size_ += part;
        size -= part;
    }
}

void Bytes::get(Pieces& pieces, std::size_t size, bool keep) {
    ZIO_ASSERT(size <= size_);
    std::size_t done = 0;
    while (done < size) {
        std::size_t from = first_ + done;
        if (from >= capacity_) from -= capacity_;
        std::size_t part = 0;
        unsigned char* target = pieces.take(std::min(size - done, capacity_ - from), &part);
        ZIO_ASSERT(part > 0);
        std::memcpy(target, memory_ + from, part);
        done += part;
    }
    if (!keep) drop(size);
}

void Bytes::drop(std::size_t size) {
    ZIO_ASSERT(size <= size_);
    first_ += size;
    if (first_ >= capacity_) first_ -= capacity_;
    size_ -= size;
}

}  // namespace zio::loop::simulated
