// SPDX-License-Identifier: MIT
// Scripts of public calls with handles that are alive, dead, of another kind, slightly wrong and
// invented, from up to three tasks of a simulated runtime. The calls are those that
// tests/misuse/generate.py reads from the headers: each gives what its comment documents, a handle
// that is none is never taken, and in the end everything can be closed.
#include <algorithm>
#include <cstring>
#include <vector>

#include "tests/fuzz/input.hpp"
#include "tests/fuzz/world.hpp"
#include "tests/misuse/functions.h"

namespace {

using zio::fuzz::Input;

constexpr std::uint32_t most_scripts = 3;
constexpr std::uint32_t most_calls = 100;  // of one script
constexpr std::size_t pool_size = 48;

struct Memory {
    alignas(16) unsigned char bytes[512];
};

bool is_handle(enum kind kind) {
    return kind <= KIND_WRITER;
}
bool is_given(enum kind kind) {
    return kind >= KIND_OUT_RT && kind <= KIND_OUT_WRITER;
}
enum kind kind_of_given(enum kind kind) {
    switch (kind) {
        case KIND_OUT_RT:
            return KIND_RT;
        case KIND_OUT_TASK:
            return KIND_TASK;
        case KIND_OUT_GROUP:
            return KIND_GROUP;
        case KIND_OUT_STREAM:
            return KIND_STREAM;
        case KIND_OUT_LISTENER:
            return KIND_LISTENER;
        case KIND_OUT_READER:
            return KIND_READER;
        default:
            return KIND_WRITER;
    }
}

class Scene;
Scene* scene;  // of the present input

class Scene {
  public:
    explicit Scene(Input input) : input_(input) {}
    void run();
    void act();
    void note_task() { tasks_.push_back(zio_task_ref(zio_task_self())); }

  private:
    struct Item {
        enum kind kind;
        void* handle;
    };

    void call();
    bool may_call(const function& function, const union value* values) const;
    void fill(const parameter& parameter, union value& value, Memory& memory, bool& is_none);
    void* handle(enum kind kind, bool& is_none);
    std::int64_t number(const parameter& parameter);
    void* options(enum kind kind, Memory& memory);
    zio_deadline_t deadline();
    void put(enum kind kind, void* handle);
    static void end(const Item& item);
    void keep(const function& function, const union value* values, std::int64_t result);
    void check(const function& function, std::int64_t result, bool is_none) const;
    void end_tasks();

    Input input_;
    std::vector<Item> pool_;
    std::vector<zio_task_t*> tasks_;  // all that ever started, a reference each
    zio_addr_t address_{};
};

zio_err_t runs_script(void*) {
    scene->act();
    return 0;
}

// What is spawned waits until somebody asks it to stop, and ends then.
zio_err_t waits(void*) {
    scene->note_task();
    return zio_sleep_until(ZIO_NEVER) == ZIO_ECANCELED ? 7 : 8;
}
// Where nobody could: on the native stack, as a main task.
zio_err_t returns(void*) {
    return 9;
}

void* Scene::handle(enum kind kind, bool& is_none) {
    const std::uint8_t choice = input_.byte();
    const std::uint8_t which = input_.byte();
    if (kind == KIND_PREPARED) kind = KIND_TASK;
    if (kind == KIND_FRESH_RT) kind = KIND_RT;
    void* found = nullptr;
    const auto bits = [&] {
        return reinterpret_cast<std::uintptr_t>(found);
    };
    if (!pool_.empty()) found = pool_[which % pool_.size()].handle;
    switch (choice % 16) {
        case 0:
            return nullptr;
        case 1:
            is_none = true;
            return reinterpret_cast<void*>(0x123456789abcdef0 ^ which);
        case 2:
            return reinterpret_cast<void*>(bits() + 1);  // its next life
        case 3:
            is_none = true;
            return reinterpret_cast<void*>(bits() ^ std::uint64_t{1} << 57);  // no such slot
        case 4:
            return found;  // of whatever kind
        default:
            for (std::size_t i = 0; i < pool_.size(); ++i) {
                const Item& item = pool_[(which + i) % pool_.size()];
                if (item.kind == kind) return item.handle;
            }
            return found;
    }
}

std::int64_t Scene::number(const parameter& parameter) {
    const std::uint8_t choice = input_.byte();
    const std::uint8_t small = input_.byte();
    if (choice < 160) return parameter.good;
    if (choice < 200 && parameter.bad_count > 0) {
        return parameter.bad[small % parameter.bad_count].number;
    }
    const bool counts_pieces = std::strcmp(parameter.name, "n") == 0;
    return counts_pieces && parameter.good == 1 ? small % 2 : small % 128;
}

zio_deadline_t Scene::deadline() {
    const std::uint8_t choice = input_.byte();
    switch (choice % 4) {
        case 0:
            return ZIO_IMMEDIATE;
        case 1:
            return choice < 32 ? -5 : 1;
        default:
            return zio_after_ns(choice * 5000);
    }
}

void* Scene::options(enum kind kind, Memory& memory) {
    const std::uint8_t choice = input_.byte();
    zio_err_t status = 0;
    void* const bytes = memory.bytes;
    if (kind == KIND_RT_OPTIONS) {
        status = zio_rt_options_init(static_cast<zio_rt_options_t*>(bytes), sizeof memory);
    } else if (kind == KIND_SOCK_OPTIONS) {
        status = zio_sock_options_init(static_cast<zio_sock_options_t*>(bytes), sizeof memory);
    } else if (kind == KIND_SPAWN_OPTIONS) {
        status = zio_spawn_options_init(static_cast<zio_spawn_options_t*>(bytes), sizeof memory);
    } else if (kind == KIND_STATS) {
        status = zio_rt_stats_init(static_cast<zio_rt_stats_t*>(bytes), sizeof memory);
    } else {
        status = zio_allocator_init(static_cast<zio_allocator_t*>(bytes), sizeof memory);
    }
    HOLDS(status == 0);
    if (choice % 4 == 0) return nullptr;
    static constexpr std::uint8_t places[] = {3, 4, 7, 40};  // sizes, flags, what must be 0
    if (choice % 16 == 1) memory.bytes[places[choice / 64]] ^= choice;
    return bytes;
}

void Scene::fill(const parameter& parameter, union value& value, Memory& memory, bool& is_none) {
    const enum kind kind = parameter.kind;
    if (is_handle(kind)) {
        value.pointer = handle(kind, is_none);
    } else if (kind == KIND_NUMBER || kind == KIND_KEY) {
        value.number = number(parameter);
    } else if (kind == KIND_DEADLINE || kind == KIND_SOON) {
        value.number = deadline();
    } else if (kind == KIND_ENTRY) {
        value.number = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(&waits));
    } else if (kind == KIND_NOTHING) {
        value.pointer = nullptr;
    } else if (kind == KIND_FD_READ || kind == KIND_FD_WRITE) {
        bool ignored = false;
        value.number = zio_stream_fd(static_cast<zio_stream_t*>(handle(KIND_STREAM, ignored)));
    } else if (kind == KIND_FD_STREAM || kind == KIND_FD_LISTENER) {
        value.number = -1 - input_.byte();  // one that is owned already must not be given again
    } else if ((kind >= KIND_ALLOCATOR && kind <= KIND_SPAWN_OPTIONS) || kind == KIND_STATS) {
        value.pointer = options(kind, memory);
    } else if (input_.byte() % 16 == 0) {
        value.pointer = nullptr;
    } else if (kind == KIND_ADDRESS || kind == KIND_FREE_ADDRESS) {
        value.pointer = &address_;
    } else {
        value.pointer = memory.bytes;
        auto* const pieces = reinterpret_cast<zio_buf_t*>(memory.bytes);
        if (kind == KIND_PIECES) *pieces = {memory.bytes + 64, input_.byte()};
    }
}

// What would end the world or the process, or wait for what nobody does.
bool Scene::may_call(const function& function, const union value* values) const {
    const auto is = [&](const char* name) {
        return std::strcmp(function.name, name) == 0;
    };
    if (is("zio_rt_create")) return values[0].pointer == nullptr;
    return !is("zio_sim_always");  // what does not hold ends the process
}

void Scene::put(enum kind kind, void* handle) {
    if (pool_.size() == pool_size) {
        const std::size_t place = input_.byte() % pool_size;
        const Item old = pool_[place];
        pool_[place] = {kind, handle};
        if (old.kind != KIND_GROUP && old.kind != KIND_RT) {
            end(old);
        } else {
            pool_.push_back(old);
        }
    } else {
        pool_.push_back({kind, handle});
    }
}

void Scene::end(const Item& item) {
    switch (item.kind) {
        case KIND_TASK: {
            auto* const task = static_cast<zio_task_t*>(item.handle);
            if (zio_task_request_cancel(task) == 0) static_cast<void>(zio_task_unref(task));
            break;
        }
        case KIND_STREAM:
            static_cast<void>(zio_stream_close(static_cast<zio_stream_t*>(item.handle)));
            break;
        case KIND_LISTENER:
            static_cast<void>(zio_listener_close(static_cast<zio_listener_t*>(item.handle)));
            break;
        case KIND_READER:
            static_cast<void>(zio_reader_destroy(static_cast<zio_reader_t*>(item.handle)));
            break;
        case KIND_WRITER:
            static_cast<void>(zio_writer_destroy(static_cast<zio_writer_t*>(item.handle)));
            break;
        default:
            break;
    }
}

void Scene::keep(const function& function, const union value* values, std::int64_t result) {
    if (std::strcmp(function.name, "zio_task_ref") == 0 && result != 0) {
        put(KIND_TASK, values[0].pointer);
    }
    if ((function.flags & GIVES_STATUS) == 0 || result != 0) return;
    for (int i = 0; i < function.parameter_count; ++i) {
        const enum kind kind = function.parameters[i].kind;
        if (!is_given(kind) || values[i].pointer == nullptr) continue;
        void* given = nullptr;
        std::memcpy(&given, values[i].pointer, sizeof given);
        HOLDS(given != nullptr);
        auto* const task = static_cast<zio_task_t*>(given);
        // Who waits for a task that is never launched would wait for ever.
        if (std::strcmp(function.name, "zio_task_prepare") == 0 &&
            (input_.byte() % 2 == 0 || zio_task_launch(task) != 0)) {
            HOLDS(zio_task_discard(task) == 0);
            continue;
        }
        put(kind_of_given(kind), given);
    }
}

void Scene::check(const function& function, std::int64_t result, bool is_none) const {
    if ((function.flags & GIVES_STATUS) == 0) return;
    const bool is_own_result = result == 7 || result == 9;
    const zio_err_t* const end = std::find(function.errors, function.errors + most_errors, 0);
    const bool is_documented =
        result >= 0 || std::find(function.errors, end, result) != end || is_own_result;
    if (!is_documented || (is_none && result >= 0)) {
        std::fprintf(stderr, "%s gave %lld (%s; %s)\n", function.name,
                     static_cast<long long>(result), zio_err_name(static_cast<zio_err_t>(result)),
                     zio_last_error_detail());
    }
    HOLDS(is_documented);
    HOLDS(!is_none || result < 0);
}

void Scene::call() {
    const function& function = functions[input_.byte() % static_cast<unsigned>(function_count)];
    union value values[most_parameters];
    Memory memory[most_parameters] = {};
    bool is_none = false;
    for (int i = 0; i < function.parameter_count; ++i) {
        fill(function.parameters[i], values[i], memory[i], is_none);
        const bool runs_here = std::strcmp(function.name, "zio_on_native_stack") == 0;
        if (runs_here && function.parameters[i].kind == KIND_ENTRY) {
            values[i].number =
                static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(&returns));
        }
    }
    if (!may_call(function, values)) return;
    const std::int64_t result = function.call(values);
    check(function, result, is_none);
    keep(function, values, result);
    if (function.undo != nullptr && result == 0 && input_.byte() % 8 != 0) function.undo(values);
}

void Scene::act() {
    for (std::uint32_t i = 0; i < most_calls && !input_.empty(); ++i) call();
}

void Scene::end_tasks() {
    zio_rt_stats_t stats;
    HOLDS(zio_rt_stats_init(&stats, sizeof stats) == 0);
    for (unsigned i = 0; i < 100; ++i) {
        HOLDS(zio_sleep_until(zio_after_ms(1)) == 0);  // all that was spawned has started
        while (!tasks_.empty()) {
            zio_task_t* const task = tasks_.back();
            tasks_.pop_back();
            if (zio_task_request_cancel(task) == 0) static_cast<void>(zio_task_unref(task));
        }
        HOLDS(zio_rt_stats(zio_rt_current(), &stats) == 0);
        if (stats.tasks_live == 1) return;
    }
    HOLDS(stats.tasks_live == 1);
}

void Scene::run() {
    zio_task_t* scripts[most_scripts];
    zio_group_t* dead_group = nullptr;
    HOLDS(zio_addr_parse(&address_, "127.0.0.1:4000", static_cast<std::size_t>(-1), 0) == 0);
    HOLDS(zio_group_create(nullptr, &dead_group, 0) == 0 && zio_group_destroy(dead_group) == 0);
    pool_ = {{KIND_RT, zio_rt_current()}, {KIND_GROUP, dead_group}};
    const std::uint32_t count = 1 + input_.below(most_scripts);
    for (std::uint32_t i = 0; i < count; ++i) {
        HOLDS(zio_spawn(nullptr, &scripts[i], runs_script, nullptr, nullptr) == 0);
    }
    for (std::uint32_t i = 0; i < count; ++i) {
        HOLDS(zio_task_join(scripts[i], nullptr, ZIO_NEVER) == 0);
        HOLDS(zio_task_unref(scripts[i]) == 0);
    }
    for (const Item& item : pool_) {
        end(item);
        if (item.kind != KIND_GROUP) continue;
        const zio_err_t status = zio_group_destroy(static_cast<zio_group_t*>(item.handle));
        HOLDS(status == 0 || status == ZIO_EBADF);
    }
    end_tasks();
}

zio_err_t run_scene(void*) {
    scene->run();
    return 0;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    const std::uint64_t seed = input.number(2) + 1;
    Scene present(input);
    scene = &present;
    zio::fuzz::run_world(seed, run_scene, nullptr);
    return 0;
}
