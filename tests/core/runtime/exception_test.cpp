// SPDX-License-Identifier: MIT
// What C++ keeps for each thread travels with each task: exceptions that are being handled while
// the task waits are its own, whatever others throw and catch meanwhile.
#include <gtest/gtest.h>

#include <exception>
#include <string>

#include "zio/task.h"

namespace {

int running = 0;
int checked = 0;

// Waits inside a handler, rethrows afterwards, and has to find what it threw itself.
zio_err_t waits_in_handler(void* data) {
    const int mine = *static_cast<int*>(data);
    ++running;
    for (int round = 0; round < 20; ++round) {
        try {
            try {
                throw mine * 1000 + round;
            } catch (int thrown) {
                EXPECT_EQ(std::uncaught_exceptions(), 0);
                EXPECT_EQ(round % 4 == 0 ? zio_sleep_until(zio_after_ns(20'000)) : zio_yield(), 0);
                EXPECT_EQ(thrown, mine * 1000 + round);
                throw;  // whatever the thread believes to be the present one
            }
        } catch (int thrown) {
            EXPECT_EQ(zio_yield(), 0);
            EXPECT_EQ(thrown, mine * 1000 + round);
            EXPECT_NE(std::current_exception(), nullptr);
            ++checked;
        }
        EXPECT_EQ(std::current_exception(), nullptr);
    }
    --running;
    return 0;
}

// A destructor that waits while an exception is on its way sees one, the others none.
struct WaitsAtEnd {
    ~WaitsAtEnd() {
        EXPECT_EQ(std::uncaught_exceptions(), 1);
        EXPECT_EQ(zio_yield(), 0);
        EXPECT_EQ(std::uncaught_exceptions(), 1);
    }
};
zio_err_t waits_while_unwinding(void*) {
    for (int round = 0; round < 20; ++round) {
        EXPECT_EQ(std::uncaught_exceptions(), 0);
        try {
            const WaitsAtEnd guard;
            throw std::string("unwinding");
        } catch (const std::string& thrown) {
            EXPECT_EQ(thrown, "unwinding");
            ++checked;
        }
        EXPECT_EQ(zio_yield(), 0);
    }
    return 0;
}

// New tasks start, and end, without the exceptions of who runs them.
zio_err_t starts_clean(void*) {
    EXPECT_EQ(std::current_exception(), nullptr);
    EXPECT_EQ(std::uncaught_exceptions(), 0);
    return 0;
}
zio_err_t starts_others_in_handler(void*) {
    try {
        throw 5;
    } catch (int) {
        for (int i = 0; i < 10; ++i) {
            zio_task_t* task = nullptr;
            EXPECT_EQ(zio_spawn(nullptr, &task, starts_clean, nullptr, nullptr), 0);
            EXPECT_EQ(zio_task_join(task, nullptr, ZIO_NEVER), 0);
            EXPECT_EQ(zio_task_unref(task), 0);
        }
        EXPECT_NE(std::current_exception(), nullptr);
    }
    return 0;
}

zio_err_t starts_all(void*) {
    static int numbers[8];
    zio_task_t* tasks[17];
    for (int i = 0; i < 8; ++i) {
        numbers[i] = i + 1;
        EXPECT_EQ(zio_spawn(nullptr, &tasks[2 * i], waits_in_handler, &numbers[i], nullptr), 0);
        EXPECT_EQ(zio_spawn(nullptr, &tasks[2 * i + 1], waits_while_unwinding, nullptr, nullptr),
                  0);
    }
    EXPECT_EQ(zio_spawn(nullptr, &tasks[16], starts_others_in_handler, nullptr, nullptr), 0);
    for (zio_task_t* task : tasks) {
        EXPECT_EQ(zio_task_join(task, nullptr, ZIO_NEVER), 0);
        EXPECT_EQ(zio_task_unref(task), 0);
    }
    return 0;
}

TEST(Exceptions, TravelWithTheirTask) {
    zio_rt_t* rt = nullptr;
    ASSERT_EQ(zio_rt_create(&rt, nullptr), 0);
    EXPECT_EQ(zio_rt_run(rt, starts_all, nullptr), 0);
    EXPECT_EQ(running, 0);
    EXPECT_EQ(checked, 16 * 20);
    EXPECT_EQ(zio_rt_shutdown(rt, ZIO_NEVER), 0);
    EXPECT_EQ(zio_rt_destroy(rt), 0);
    EXPECT_EQ(std::uncaught_exceptions(), 0);
}

}  // namespace
