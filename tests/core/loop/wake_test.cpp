// SPDX-License-Identifier: MIT
// Time and wakes: a sleep is never short, a wake from elsewhere always ends it, and every wake that
// was promised is accounted for before the loop goes.
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include <atomic>
#include <random>

#include "core/os/thread.hpp"
#include "tests/core/loop/loop_test.hpp"

namespace zio::loop {
namespace {

class Wake : public LoopTest {};

std::atomic<int> alarm_count{0};
void count_alarm(int) {
    alarm_count.fetch_add(1);
}

class Alarms {
  public:
    explicit Alarms(long period_us) {
        struct sigaction action {};
        action.sa_handler = count_alarm;
        sigaction(SIGALRM, &action, &before_);
        const itimerval timer{{0, period_us}, {0, period_us}};
        setitimer(ITIMER_REAL, &timer, nullptr);
    }
    ~Alarms() {
        const itimerval none{};
        setitimer(ITIMER_REAL, &none, nullptr);
        sigaction(SIGALRM, &before_, nullptr);
    }

  private:
    struct sigaction before_;
};

TEST_F(Wake, a_sleep_is_never_short) {
    std::mt19937 random(1);
    for (int i = 0; i < 100; ++i) {
        const Instant until = loop().now() + random() % (3 * ms);
        loop().poll_until(until);
        EXPECT_GE(loop().now(), until);
    }
    const Instant past = loop().now() - ms;
    loop().poll_until(past);
    EXPECT_EQ(loop().next_completed(), nullptr);
}

TEST_F(Wake, a_sleep_is_never_short_under_signals) {
    if (is_simulated()) GTEST_SKIP() << "virtual time knows no signals";
    const int before = alarm_count.load();
    const Alarms alarms(500);
    const Pair pair = open_pair();
    char data[8];
    Transfer receive(OperationKind::receive, pair.near, true, data, sizeof data);
    EXPECT_FALSE(start(receive));
    for (int i = 0; i < 20; ++i) {
        const Instant until = loop().now() + 4 * ms;
        loop().poll_until(until);
        EXPECT_GE(loop().now(), until);
        EXPECT_EQ(take_completed(), nullptr);
    }
    feed(pair.far, "x");
    EXPECT_EQ(result_of(receive), 1);
    EXPECT_GT(alarm_count.load() - before, 20);
}

TEST_F(Wake, a_poll_without_time_returns_at_once) {
    const Pair pair = open_pair();
    char data[8];
    Transfer receive(OperationKind::receive, pair.near, true, data, sizeof data);
    EXPECT_FALSE(start(receive));
    const Instant before = loop().now();
    for (int i = 0; i < 100; ++i) loop().poll();
    EXPECT_LT(loop().now() - before, second_ns);
    EXPECT_EQ(cancel(receive), error::canceled);
}

// Whoever polls only when something may have finished misses nothing.
TEST_F(Wake, what_has_finished_shows_before_it_is_polled_for) {
    const bool knows = std::string(loop().backend().name()) == "io_uring";
    const Pair pair = open_pair();
    for (int i = 0; i < 20; ++i) {
        char data[8];
        Transfer receive(OperationKind::receive, pair.near, true, data, sizeof data);
        EXPECT_FALSE(start(receive));
        do loop().poll();
        while (loop().has_queued());
        if (knows) {
            EXPECT_FALSE(loop().may_have_finished());
        }
        feed(pair.far, "x");
        const Instant until = loop().now() + patience_ns;
        while (!loop().has_completed() && loop().now() < until) {
            os::yield_thread();
            if (loop().may_have_finished()) loop().poll();
        }
        EXPECT_TRUE(loop().has_completed());
        EXPECT_EQ(result_of(receive), 1);
    }
}

struct Letter : InboxNode {
    unsigned number = 0;
};

struct Sender {
    Loop* loop;
    std::vector<Letter> letters;
    std::atomic<unsigned> answered{0};
    unsigned refused = 0;
};

// Each letter waits for the answer to the one before, so the owner sleeps again and again.
void* send_letters(void* argument) {
    auto& sender = *static_cast<Sender*>(argument);
    std::mt19937 random(5);
    for (unsigned i = 0; i < sender.letters.size(); ++i) {
        sender.letters[i].number = i;
        while (sender.answered.load(std::memory_order_acquire) < i) {
        }
        for (unsigned pause = random() % 20'000; pause > 0; --pause) asm volatile("");
        if (!sender.loop->push(sender.letters[i], i % 2)) ++sender.refused;
    }
    return nullptr;
}

TEST_F(Wake, mail_from_another_thread_ends_a_sleep) {
    if (is_simulated()) GTEST_SKIP() << "one thread drives a simulated world";
    Sender sender{&loop(), std::vector<Letter>(scaled(5000))};
    pthread_t thread;
    ASSERT_EQ(pthread_create(&thread, nullptr, send_letters, &sender), 0);
    unsigned next = 0;
    const Instant end = loop().now() + patience_ns;
    while (next < sender.letters.size()) {
        loop().poll_until(end);
        ASSERT_LT(loop().now(), end) << "slept through";
        InboxNode* mail = loop().take_mail();
        while (mail != nullptr) {
            unsigned tag = 0;
            auto* letter = static_cast<Letter*>(Inbox::take_first(mail, &tag));
            ASSERT_EQ(letter->number, next);
            EXPECT_EQ(tag, next % 2);
            sender.answered.store(++next, std::memory_order_release);
        }
    }
    // The last promise may still be on its way: this waits for it.
    leave();
    pthread_join(thread, nullptr);
    EXPECT_EQ(sender.refused, 0u);
    Letter late;
    EXPECT_FALSE(loop().push(late, 0));
}

// Mail while operations finish too: neither hides the other, and a short sleep that ends by itself
// still accounts for the wake that comes after it.
TEST_F(Wake, mail_and_data_at_once) {
    if (is_simulated()) GTEST_SKIP() << "one thread drives a simulated world";
    Sender sender{&loop(), std::vector<Letter>(scaled(5000))};
    const Pair pair = open_pair();
    char data[8];
    pthread_t thread;
    ASSERT_EQ(pthread_create(&thread, nullptr, send_letters, &sender), 0);
    std::mt19937 random(6);
    unsigned next = 0;
    unsigned received = 0;
    Transfer receive(OperationKind::receive, pair.near, true, data, 1);
    bool pending = !start(receive);
    while (next < sender.letters.size()) {
        // In a seeded order a receive takes some turns.
        if (random() % (is_seeded() ? 8 : 2) == 0) feed(pair.far, "x");
        loop().poll_until(loop().now() + random() % 30'000);
        if (take_completed() != nullptr) pending = false;
        while (!pending) {
            ASSERT_EQ(receive.result, 1);
            ++received;
            receive.reset();
            pending = !start(receive);
        }
        InboxNode* mail = loop().take_mail();
        while (mail != nullptr) {
            unsigned tag = 0;
            auto* letter = static_cast<Letter*>(Inbox::take_first(mail, &tag));
            ASSERT_EQ(letter->number, next);
            sender.answered.store(++next, std::memory_order_release);
        }
    }
    EXPECT_GT(received, scaled(5000) / 100);
    loop().cancel(receive);
    result_of(receive);
    leave();
    pthread_join(thread, nullptr);
}

TEST_F(Wake, before_the_first_sleep) {
    if (is_simulated()) GTEST_SKIP() << "one thread drives a simulated world";
    loop().wake();
    loop().wake();
    const Instant started = loop().now();
    loop().poll_until(started + patience_ns);
    EXPECT_LT(loop().now() - started, patience_ns / 2);
}

Loop* signaled_loop = nullptr;
void wake_from_handler(int) {
    signaled_loop->wake();
}

TEST_F(Wake, from_a_signal_handler) {
    if (is_simulated()) GTEST_SKIP() << "virtual time knows no signals";
    signaled_loop = &loop();
    struct sigaction action {};
    struct sigaction before;
    action.sa_handler = wake_from_handler;
    ASSERT_EQ(sigaction(SIGALRM, &action, &before), 0);
    for (int i = 0; i < 20; ++i) {
        const itimerval once{{0, 0}, {0, 2000}};
        ASSERT_EQ(setitimer(ITIMER_REAL, &once, nullptr), 0);
        const Instant started = loop().now();
        loop().poll_until(started + patience_ns);
        EXPECT_LT(loop().now() - started, patience_ns / 2);
    }
    // A wake that comes first ends the next sleep.
    raise(SIGALRM);
    const Instant started = loop().now();
    loop().poll_until(started + patience_ns);
    EXPECT_LT(loop().now() - started, patience_ns / 2);
    ASSERT_EQ(sigaction(SIGALRM, &before, nullptr), 0);
}

}  // namespace
}  // namespace zio::loop
