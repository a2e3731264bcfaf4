// SPDX-License-Identifier: MIT
#pragma once
// Where the things of a world lie: in the memory of the process, or, where several programs share a
// world (stage.hpp), in memory that all of them have at the same address, so that a pointer means
// the same to each.
#include <cstddef>
#include <new>
#include <utility>

namespace zio::loop::simulated {

// Null: there is none.
void* take_memory(std::size_t size, std::size_t align) noexcept;
void give_memory(void* memory, std::size_t size, std::size_t align) noexcept;

template <class T, class... Arguments>
T* make(Arguments&&... arguments) noexcept {
    void* memory = take_memory(sizeof(T), alignof(T));
    return memory == nullptr ? nullptr : ::new (memory) T(std::forward<Arguments>(arguments)...);
}

template <class T>
void unmake(T* object) noexcept {
    if (object == nullptr) return;
    object->~T();
    give_memory(object, sizeof(T), alignof(T));
}

// One that is made with its owner and goes with it. Null: there was no memory.
template <class T>
class Made {
  public:
    Made() : object_(make<T>()) {}
    Made(const Made&) = delete;
    Made& operator=(const Made&) = delete;
    ~Made() { unmake(object_); }
    // It stays for ever: others may still look at it.
    void abandon() { object_ = nullptr; }

    bool is_there() const { return object_ != nullptr; }
    T& operator*() const { return *object_; }
    T* operator->() const { return object_; }

  private:
    T* object_;
};

}  // namespace zio::loop::simulated
