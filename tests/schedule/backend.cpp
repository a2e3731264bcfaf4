// SPDX-License-Identifier: MIT
// The backend of a check build. Its sleep is that of a virtual thread. An operation finishes after
// a while that the seed chooses, with its size as the result, or never when its flags say so; one
// that is canceled may have finished before.
#include "core/loop/backend.hpp"

#include "core/base/memory.hpp"
#include "tests/schedule/engine.hpp"
#include "tests/schedule/memory.hpp"
#include "tests/schedule/system.hpp"

namespace zio::loop {

namespace {

constexpr unsigned most_operations = 16;
constexpr Instant longest_ns = 200'000;

class Virtual final : public Backend {
  public:
    static void* operator new(std::size_t size) noexcept { return allocate(size, 64); }
    static void operator delete(void* start, std::size_t size) { release(start, size, 64); }

    ~Virtual() override { ZIO_EXPECT(count_ == 0); }
    const char* name() const override { return "poll"; }
    Support support(OperationKind) const override { return Support::native; }

    bool start(Operation& operation) override {
        ZIO_EXPECT(count_ < most_operations);
        known_[count_] = {&operation, check::now() + check::random(longest_ns)};
        if (static_cast<Transfer&>(operation).flags == check::never_finishes) {
            known_[count_].at = forever;
        }
        ++count_;
        return false;
    }
    bool cancel(Operation& operation) override {
        Known& known = *find(operation);
        if (known.at == forever || check::chance(2)) {
            operation.finish(error::canceled);
            drop(known);
            return true;
        }
        known.at = check::now();  // it had finished, or ends canceled
        known.is_canceled = check::chance(2);
        return false;
    }

    void poll(Completed& completed, Instant until) override {
        owner_ = check::current();
        check::enter_system();
        take_wakes_now();
        unsigned finished = finish(completed);
        while (finished == 0 && consumed_ == seen_ && until > check::now()) {
            Instant first = until;
            for (unsigned i = 0; i < count_; ++i) {
                if (known_[i].at < first) first = known_[i].at;
            }
            if (wakes_ == 0) check::block("sleeps in its loop", first);
            take_wakes_now();
            finished = finish(completed);
        }
        seen_ = consumed_;
    }
    void wake() override {
        check::enter_system();
        check::touch(this);
        ++wakes_;
        check::unblock(owner_);
    }
    std::uint64_t take_wakes() override {
        const std::uint64_t count = consumed_ - told_;
        told_ = consumed_;
        return count;
    }
    bool remembers() const override { return true; }
    void forget(os::Handle handle) override {
        for (unsigned i = 0; i < count_; ++i) ZIO_EXPECT(known_[i].operation->handle != handle);
    }
    Instant now() const override { return check::now(); }

  private:
    struct Known {
        Operation* operation;
        Instant at;
        bool is_canceled = false;
    };

    Known* find(const Operation& operation) {
        for (Known& known : known_) {
            if (known.operation == &operation) return &known;
        }
        check::found("an operation is canceled that nobody started");
    }
    void drop(Known& known) {
        known = known_[--count_];
        known_[count_].operation = nullptr;
    }
    void take_wakes_now() {
        consumed_ += wakes_;
        wakes_ = 0;
    }
    unsigned finish(Completed& completed) {
        unsigned finished = 0;
        for (unsigned i = 0; i < count_;) {
            Known& known = known_[i];
            if (known.at > check::now()) {
                ++i;
                continue;
            }
            Operation& operation = *known.operation;
            const auto size = static_cast<std::int64_t>(static_cast<Transfer&>(operation).size);
            operation.finish(known.is_canceled ? std::int64_t{error::canceled} : size);
            drop(known);
            completed.push(operation);
            ++finished;
        }
        return finished;
    }

    Known known_[most_operations] = {};
    unsigned count_ = 0;
    unsigned owner_ = 0;
    std::uint64_t wakes_ = 0;  // not seen by a poll
    std::uint64_t consumed_ = 0;
    std::uint64_t told_ = 0;
    std::uint64_t seen_ = 0;
};

}  // namespace

Opened open_poll(const BackendOptions& options);

Opened open_poll(const BackendOptions&) {
    return {std::unique_ptr<Backend>(new Virtual), 0, "this is a check build"};
}

}  // namespace zio::loop
