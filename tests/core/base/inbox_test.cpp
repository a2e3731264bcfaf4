// SPDX-License-Identifier: MIT
// The inbox under four pushers: every push arrives once and in its pusher's order, each sleep is
// ended by exactly one wake, and after the close nothing comes.
#include "core/base/inbox.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <cstdlib>
#include <vector>

namespace zio {
namespace {

constexpr unsigned pusher_count = 4;

unsigned scaled(unsigned volume) {
    const char* text = std::getenv("ZIO_TEST_SCALE");
    const double wanted = volume * (text != nullptr ? std::atof(text) : 1.0);
    return wanted < 1 ? 1u : static_cast<unsigned>(wanted);
}

struct Letter : InboxNode {
    unsigned pusher = 0;
    unsigned number = 0;  // plain: the push publishes it
    unsigned tag = 0;
};

struct Pusher {
    Inbox* inbox;
    std::atomic<unsigned>* wakes;
    std::vector<Letter> letters;
    unsigned owed = 0;
    unsigned refused = 0;
};

void* push_all(void* argument) {
    auto& pusher = *static_cast<Pusher*>(argument);
    unsigned i = 0;
    for (Letter& letter : pusher.letters) {
        switch (pusher.inbox->push(letter, letter.tag)) {
            case Inbox::Pushed::quietly:
                break;
            case Inbox::Pushed::owes_wake:
                ++pusher.owed;
                pusher.wakes->fetch_add(1, std::memory_order_release);
                break;
            case Inbox::Pushed::closed:
                ++pusher.refused;
                break;
        }
        if (++i % 64 == 0) sched_yield();
    }
    return nullptr;
}

class Pushers {
  public:
    Pushers(Inbox& inbox, std::atomic<unsigned>& wakes, unsigned letters_each) {
        for (unsigned p = 0; p < pusher_count; ++p) {
            all_[p].inbox = &inbox;
            all_[p].wakes = &wakes;
            all_[p].letters = std::vector<Letter>(letters_each);
            for (unsigned i = 0; i < letters_each; ++i) {
                all_[p].letters[i].pusher = p;
                all_[p].letters[i].number = i;
                all_[p].letters[i].tag = (i + p) % 2;
            }
        }
        for (unsigned p = 0; p < pusher_count; ++p) {
            EXPECT_EQ(pthread_create(&threads_[p], nullptr, push_all, &all_[p]), 0);
        }
    }
    void join() {
        for (pthread_t thread : threads_) pthread_join(thread, nullptr);
    }
    unsigned owed() const {
        unsigned sum = 0;
        for (const Pusher& pusher : all_) sum += pusher.owed;
        return sum;
    }
    unsigned refused() const {
        unsigned sum = 0;
        for (const Pusher& pusher : all_) sum += pusher.refused;
        return sum;
    }

  private:
    Pusher all_[pusher_count];
    pthread_t threads_[pusher_count];
};

class Owner {
  public:
    void take(InboxNode* chain) {
        while (chain != nullptr) {
            unsigned tag = 2;
            auto* letter = static_cast<Letter*>(Inbox::take_first(chain, &tag));
            ASSERT_EQ(tag, letter->tag);
            ASSERT_EQ(letter->number, next_[letter->pusher]);
            ++next_[letter->pusher];
            ++taken_;
        }
    }
    unsigned taken() const { return taken_; }

  private:
    unsigned next_[pusher_count] = {};
    unsigned taken_ = 0;
};

TEST(Inbox, everything_arrives_once_and_each_sleep_has_one_waker) {
    const unsigned each = scaled(50'000);
    Inbox inbox;
    std::atomic<unsigned> wakes{0};
    ASSERT_TRUE(inbox.park());  // the first sleep, which somebody is sure to end
    Pushers pushers(inbox, wakes, each);
    while (!inbox.has_mail()) sched_yield();
    Owner owner;
    bool first_promised = false;
    owner.take(inbox.drain(true, &first_promised));
    EXPECT_TRUE(first_promised);
    unsigned promised_count = first_promised;
    unsigned sleep_count = 0;
    while (owner.taken() < pusher_count * each) {
        if (!inbox.park()) {
            ASSERT_TRUE(inbox.has_mail());
            owner.take(inbox.drain(false, nullptr));
            if (HasFailure()) return;
            continue;
        }
        ++sleep_count;
        // Sometimes a sleep ends by itself, sometimes it lasts until the wake came.
        const unsigned seen = wakes.load(std::memory_order_acquire);
        if (sleep_count % 3 == 0) {
            while (wakes.load(std::memory_order_acquire) == seen && !inbox.has_mail()) {
                sched_yield();
            }
        }
        bool promised = false;
        owner.take(inbox.drain(true, &promised));
        if (HasFailure()) return;
        promised_count += promised;
    }
    pushers.join();
    EXPECT_EQ(pushers.owed(), promised_count);
    EXPECT_EQ(pushers.owed(), wakes.load());
    EXPECT_EQ(pushers.refused(), 0u);
    EXPECT_FALSE(inbox.has_mail());
    EXPECT_TRUE(inbox.close());
    Letter late;
    EXPECT_EQ(inbox.push(late), Inbox::Pushed::closed);
}

TEST(Inbox, what_comes_before_the_close_is_taken_and_what_comes_after_refused) {
    const unsigned each = scaled(200);
    unsigned refused_count = 0;
    unsigned taken_count = 0;
    const unsigned rounds = scaled(100);
    for (unsigned round = 0; round < rounds; ++round) {
        Inbox inbox;
        std::atomic<unsigned> wakes{0};
        Owner owner;
        Pushers pushers(inbox, wakes, each);
        const unsigned enough = round * pusher_count * each / rounds;
        while (owner.taken() < enough) owner.take(inbox.drain(false, nullptr));
        while (!inbox.close()) owner.take(inbox.drain(false, nullptr));
        pushers.join();
        ASSERT_EQ(owner.taken() + pushers.refused(), pusher_count * each);
        refused_count += pushers.refused();
        taken_count += owner.taken();
    }
    EXPECT_GT(refused_count, 0u);
    EXPECT_GT(taken_count, 0u);
}

TEST(Inbox, alone) {
    Inbox inbox;
    EXPECT_FALSE(inbox.has_mail());
    EXPECT_EQ(inbox.drain(false, nullptr), nullptr);
    EXPECT_TRUE(inbox.park());
    EXPECT_FALSE(inbox.has_mail());
    EXPECT_FALSE(inbox.park());  // the owner parks once
    bool promised = true;
    EXPECT_EQ(inbox.drain(true, &promised), nullptr);
    EXPECT_FALSE(promised);
    Letter letters[3];
    EXPECT_TRUE(inbox.park());
    EXPECT_EQ(inbox.push(letters[0], 1), Inbox::Pushed::owes_wake);
    EXPECT_EQ(inbox.push(letters[1], 0), Inbox::Pushed::quietly);
    EXPECT_EQ(inbox.push(letters[2], 1), Inbox::Pushed::quietly);
    EXPECT_TRUE(inbox.has_mail());
    EXPECT_FALSE(inbox.close());
    EXPECT_FALSE(inbox.park());
    InboxNode* chain = inbox.drain(true, &promised);
    EXPECT_TRUE(promised);
    for (unsigned i = 0; i < 3; ++i) {
        unsigned tag = 2;
        EXPECT_EQ(Inbox::take_first(chain, &tag), &letters[i]);
        EXPECT_EQ(tag, (i + 1) % 2);
    }
    EXPECT_EQ(chain, nullptr);
    EXPECT_TRUE(inbox.close());
}

}  // namespace
}  // namespace zio
