/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "objects.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capi/task_kit.h"

const char *const quality_names[quality_count] = {
    "good",       "NULL",      "dead",          "foreign",           "invented",  "the next life",
    "other slot", "bad",       "bad too",       "negative",          "immediate", "past",
    "too small",  "too large", "no descriptor", "another descriptor"};

static const char text[] = "1.2.3.4:80";

static zio_err_t naps(void *ud) {
    (void)ud;
    return zio_sleep_until(zio_after_ms(1)) == ZIO_EINVAL;
}

static void *allocates(size_t size, size_t align, void *ud) {
    (void)size, (void)align, (void)ud;
    return NULL;
}
static void releases(void *memory, size_t size, size_t align, void *ud) {
    (void)memory, (void)size, (void)align, (void)ud;
}

/* --- what is made --------------------------------------------------------------------------- */

static zio_rt_t *fresh_runtime(struct scene *scene) {
    zio_rt_options_t options;
    zio_rt_t *rt = NULL;
    REQUIRE(zio_rt_options_init(&options, sizeof options) == 0);
    if (scene->is_stopped) options.flags = ZIO_RT_HEARTBEAT;
    REQUIRE(zio_rt_create(&rt, &options) == 0);
    REQUIRE(scene->runtime_count < most_kept);
    scene->runtimes[scene->runtime_count++] = rt;
    return rt;
}

/* Of which the object is made, or will have been when `stop` has come. */
static zio_rt_t *runtime_for(struct scene *scene) {
    return scene->is_stopped ? fresh_runtime(scene) : scene->rt;
}
static void stop(struct scene *scene, zio_rt_t *rt) {
    if (scene->is_stopped) REQUIRE(zio_rt_shutdown(rt, ZIO_NEVER) == 0);
}

static void *make_task(struct scene *scene, bool is_prepared) {
    zio_rt_t *rt = runtime_for(scene);
    zio_task_t *task = NULL;
    void *context, *result;
    if (is_prepared) {
        REQUIRE(zio_task_prepare(rt, &task, naps, 8, 0, 8, 0, NULL, &context, &result) == 0);
    } else {
        REQUIRE(zio_spawn(rt, &task, naps, NULL, NULL) == 0);
    }
    stop(scene, rt);
    return task;
}

static void *make_group(struct scene *scene) {
    zio_rt_t *rt = runtime_for(scene);
    zio_group_t *group = NULL;
    REQUIRE(zio_group_create(rt, &group, 0) == 0);
    REQUIRE(scene->group_count < most_kept);
    scene->groups[scene->group_count++] = group;
    stop(scene, rt);
    return group;
}

/* With a line to read; its peer is the first extra. */
static void *make_stream(struct argument *argument) {
    zio_stream_t *a = NULL, *b = NULL;
    REQUIRE(zio_stream_pair(&a, &b) == 0);
    REQUIRE(zio_stream_write(b, "hello\n", 6, ZIO_IMMEDIATE) == 6);
    argument->extra[0].pointer = b;
    return a;
}

/* With a connection to accept; the descriptor of the client is the first extra, plus one. */
static void *make_listener(struct argument *argument, bool has_client) {
    zio_listener_t *listener = NULL;
    zio_addr_t address;
    REQUIRE(zio_addr_parse(&address, "127.0.0.1:0", (size_t)-1, 0) == 0);
    REQUIRE(zio_listen(&listener, &address, NULL) == 0);
    if (!has_client) return listener;
    struct sockaddr_storage system;
    REQUIRE(zio_listener_addr(listener, &address) == 0);
    const zio_ssize_t size = zio_addr_to_sockaddr(&address, &system, sizeof system);
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(size > 0 && client >= 0);
    REQUIRE(connect(client, (struct sockaddr *)&system, (socklen_t)size) == 0);
    argument->extra[0].number = client + 1;
    return listener;
}

static int make_descriptor(struct argument *argument, enum kind kind) {
    int ends[2];
    if (kind == KIND_FD_LISTENER) {
        const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        REQUIRE(listener >= 0 && listen(listener, 4) == 0);
        return listener;
    }
    if (kind == KIND_FD_STREAM) {
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    } else {
        REQUIRE(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0);
        REQUIRE(write(ends[1], "hello\n", 6) == 6);
    }
    const int given = kind == KIND_FD_WRITE;
    argument->extra[0].number = ends[1 - given] + 1;
    return ends[given];
}

static void fill_options(struct argument *argument, enum kind kind) {
    void *memory = argument->memory;
    zio_allocator_t *allocator = memory;
    zio_err_t status = 0;
    switch (kind) {
        case KIND_RT_OPTIONS:
            status = zio_rt_options_init(memory, sizeof(zio_rt_options_t));
            break;
        case KIND_SOCK_OPTIONS:
            status = zio_sock_options_init(memory, sizeof(zio_sock_options_t));
            break;
        case KIND_SPAWN_OPTIONS:
            status = zio_spawn_options_init(memory, sizeof(zio_spawn_options_t));
            break;
        case KIND_STATS:
            status = zio_rt_stats_init(memory, sizeof(zio_rt_stats_t));
            break;
        default:
            status = zio_allocator_init(allocator, sizeof *allocator);
            allocator->allocate = allocates;
            allocator->release = releases;
    }
    REQUIRE(status == 0);
}

static void *make_handle(struct scene *scene, struct argument *argument, enum kind kind) {
    zio_reader_t *reader = NULL;
    zio_writer_t *writer = NULL;
    switch (kind) {
        case KIND_RT:
            if (!scene->is_stopped) return scene->rt;
            /* fall through */
        case KIND_FRESH_RT: {
            zio_rt_t *rt = fresh_runtime(scene);
            stop(scene, rt);
            return rt;
        }
        case KIND_TASK:
            return make_task(scene, false);
        case KIND_PREPARED:
            return make_task(scene, true);
        case KIND_GROUP:
            return make_group(scene);
        case KIND_STREAM:
            return make_stream(argument);
        case KIND_LISTENER:
            return make_listener(argument, true);
        case KIND_READER:
            argument->extra[1].pointer = make_stream(argument);
            REQUIRE(zio_reader_create(&reader, argument->extra[1].pointer, 64) == 0);
            return reader;
        default:
            argument->extra[1].pointer = make_stream(argument);
            REQUIRE(zio_writer_create(&writer, argument->extra[1].pointer, 64) == 0);
            return writer;
    }
}

static void fill_memory(struct argument *argument, union value *value, enum kind kind) {
    struct sockaddr_in *system = (void *)argument->memory;
    zio_buf_t *pieces = (void *)argument->memory;
    value->pointer = argument->memory;
    switch (kind) {
        case KIND_SOCKADDR:
            system->sin_family = AF_INET;
            break;
        case KIND_PIECES:
            pieces->base = argument->memory + 64;
            pieces->len = 4;
            break;
        case KIND_FREE_ADDRESS:
            REQUIRE(zio_addr_parse(value->pointer, "127.0.0.1:0", (size_t)-1, 0) == 0);
            break;
        case KIND_MEMORY:
            memcpy(argument->memory, text, sizeof text);
            break;
        default:
            break;
    }
}

static bool is_handle(enum kind kind) {
    return kind <= KIND_WRITER;
}
static bool is_given(enum kind kind) {
    return kind >= KIND_OUT_RT && kind <= KIND_OUT_WRITER;
}
static bool is_descriptor(enum kind kind) {
    return kind >= KIND_FD_READ && kind <= KIND_FD_LISTENER;
}
static bool is_options(enum kind kind) {
    return kind == KIND_RT_OPTIONS || kind == KIND_SOCK_OPTIONS || kind == KIND_SPAWN_OPTIONS ||
           kind == KIND_ALLOCATOR || kind == KIND_STATS;
}

static void make(struct scene *scene, struct call *call, int i) {
    const struct parameter *parameter = &call->function->parameters[i];
    const enum kind kind = parameter->kind;
    struct argument *argument = &call->arguments[i];
    union value *value = &call->values[i];
    if (is_handle(kind) && scene->is_child) {
        *value = scene->before[kind];
        if (kind != KIND_FRESH_RT) return;
        REQUIRE(scene->fresh_before_count > 0);
        value->pointer = scene->fresh_before[scene->fresh_before_count - 1];
    } else if (is_handle(kind)) {
        if (scene->is_alone && kind <= KIND_GROUP) {
            call->lacking = i;
        } else {
            value->pointer = make_handle(scene, argument, kind);
        }
    } else if (is_descriptor(kind)) {
        value->number = make_descriptor(argument, kind);
    } else if (is_options(kind)) {
        fill_options(argument, kind);
        value->pointer = argument->memory;
    } else if (kind == KIND_ADDRESS) {
        value->pointer = &scene->address;
    } else if (kind == KIND_DEADLINE) {
        value->number = zio_after_ms(20000);
    } else if (kind == KIND_SOON) {
        value->number = zio_after_ns(10000);
    } else if (kind == KIND_ENTRY) {
        value->number = (int64_t)(uintptr_t)naps;
    } else if (kind == KIND_KEY) {
        value->number = scene->key;
    } else if (kind == KIND_NUMBER) {
        value->number = parameter->good;
    } else if (kind != KIND_NOTHING) {
        fill_memory(argument, value, kind);
    }
}

void prepare_call(struct scene *scene, struct call *call, const struct function *function) {
    memset(call, 0, sizeof *call);
    call->function = function;
    call->lacking = -1;
    for (int i = 0; i < function->parameter_count; ++i) {
        make(scene, call, i);
        call->made[i] = call->values[i];
    }
}

/* --- what is spoiled ------------------------------------------------------------------------ */

static bool spoil_handle(struct scene *scene, const struct parameter *parameter, union value *value,
                         enum quality quality, int64_t *expected) {
    const int64_t handle = value->number;
    *expected = ZIO_EBADF;
    switch (quality) {
        case NO_POINTER:
            value->pointer = NULL;
            if (parameter->flags & MAY_BE_NULL) *expected = NULL_OF_CURRENT;
            if (parameter->flags & NULL_IS_NOTHING) *expected = 0;
            return true;
        case DEAD:
            value->pointer = scene->dead[parameter->kind];
            return value->pointer != NULL;
        case FOREIGN:
            value->pointer = parameter->kind <= KIND_FRESH_RT ? (void *)scene->foreign_listener
                                                              : (void *)scene->foreign_rt;
            return value->pointer != NULL;
        case INVENTED:
            value->number = 0x123456789abcdef0;
            return true;
        case NEXT_LIFE:
            value->number = handle + 1;
            return true;
        case OTHER_SLOT:
            value->number = handle ^ INT64_C(1) << 45;
            return true;
        default:
            return false;
    }
}

static bool spoil_deadline(union value *value, enum quality quality, int64_t *expected) {
    *expected = quality == NEGATIVE ? ZIO_EINVAL : ANY_RESULT;
    value->number = quality == NEGATIVE ? -5 : quality == AT_ONCE ? ZIO_IMMEDIATE : 1;
    return quality == NEGATIVE || quality == AT_ONCE || quality == PAST;
}

static bool spoil_number(const struct parameter *parameter, union value *value,
                         enum quality quality, int64_t *expected) {
    const int which = quality - BAD_NUMBER;
    if (which < 0 || which >= parameter->bad_count) return false;
    value->number = parameter->bad[which].number;
    *expected = parameter->bad[which].error;
    return true;
}

static bool spoil_descriptor(struct argument *argument, union value *value, enum kind kind,
                             enum quality quality, int64_t *expected) {
    *expected = ZIO_EBADF;
    if (quality != NO_DESCRIPTOR && quality != WRONG_DESCRIPTOR) return false;
    if (quality == WRONG_DESCRIPTOR && kind != KIND_FD_STREAM && kind != KIND_FD_LISTENER) {
        return false;
    }
    value->number = 900000;
    if (quality == NO_DESCRIPTOR) return true;
    int ends[2];
    REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    argument->extra[1].number = ends[0] + 1;
    argument->extra[2].number = ends[1] + 1;
    value->number = ends[0];
    return true;
}

bool spoil(struct scene *scene, struct call *call, int i, enum quality quality, int64_t *expected) {
    const struct parameter *parameter = &call->function->parameters[i];
    const enum kind kind = parameter->kind;
    union value *value = &call->values[i];
    if (is_handle(kind)) return spoil_handle(scene, parameter, value, quality, expected);
    if (is_descriptor(kind)) {
        return spoil_descriptor(&call->arguments[i], value, kind, quality, expected);
    }
    if (kind == KIND_DEADLINE || kind == KIND_SOON) return spoil_deadline(value, quality, expected);
    if (kind == KIND_NUMBER || kind == KIND_KEY) {
        return spoil_number(parameter, value, quality, expected);
    }
    if (kind == KIND_NOTHING) return false;
    if (is_options(kind) && (quality == TOO_SMALL || quality == TOO_LARGE)) {
        *(uint32_t *)value->pointer = quality == TOO_SMALL ? 8 : 5000;
        *expected = quality == TOO_SMALL ? ZIO_EINVAL : ZIO_E2BIG;
        return true;
    }
    if (quality != NO_POINTER) return false;
    value->pointer = NULL;
    *expected = parameter->flags & MAY_BE_NULL ? ANY_RESULT : ZIO_EINVAL;
    return true;
}

/* --- how it ends ---------------------------------------------------------------------------- */

static void keep_group(struct scene *scene, zio_group_t *group) {
    REQUIRE(scene->group_count < most_kept);
    scene->groups[scene->group_count++] = group;
}
static void keep_runtime(struct scene *scene, zio_rt_t *rt) {
    REQUIRE(scene->runtime_count < most_kept);
    scene->runtimes[scene->runtime_count++] = rt;
}

static void end_task(void *task) {
    if (zio_task_discard(task) == 0 || task == NULL) return;
    (void)zio_task_request_cancel(task);
    (void)zio_task_unref(task);
}

static void end_given(struct scene *scene, enum kind kind, void *handle) {
    zio_err_t status = 0;
    if (handle == NULL) return;
    if (kind == KIND_OUT_RT) keep_runtime(scene, handle);
    if (kind == KIND_OUT_TASK) end_task(handle);
    if (kind == KIND_OUT_GROUP) keep_group(scene, handle);
    if (kind == KIND_OUT_STREAM) status = zio_stream_close(handle);
    if (kind == KIND_OUT_LISTENER) status = zio_listener_close(handle);
    if (kind == KIND_OUT_READER) status = zio_reader_destroy(handle);
    if (kind == KIND_OUT_WRITER) status = zio_writer_destroy(handle);
    REQUIRE(status == 0);
}

/* What a call may have ended itself is looked for by what it was, not by what it is now. */
static void end_handle(enum kind kind, struct argument *argument, void *handle) {
    if (kind == KIND_TASK || kind == KIND_PREPARED) end_task(handle);
    if (kind == KIND_STREAM) (void)zio_stream_close(handle);
    if (kind == KIND_LISTENER) (void)zio_listener_close(handle);
    if (kind == KIND_READER) (void)zio_reader_destroy(handle);
    if (kind == KIND_WRITER) (void)zio_writer_destroy(handle);
    if (kind == KIND_LISTENER) {
        if (argument->extra[0].number > 0) close((int)argument->extra[0].number - 1);
    } else if (kind >= KIND_STREAM) {
        (void)zio_stream_close(argument->extra[0].pointer);
        (void)zio_stream_close(argument->extra[1].pointer);
    }
}

void finish_call(struct scene *scene, struct call *call, int64_t result) {
    const struct function *function = call->function;
    if (result >= 0 && function->undo != NULL) function->undo(call->values);
    for (int i = 0; i < function->parameter_count; ++i) {
        const enum kind kind = function->parameters[i].kind;
        struct argument *argument = &call->arguments[i];
        if (is_given(kind)) {
            void *handle = NULL;
            memcpy(&handle, argument->memory, sizeof handle);
            if ((function->flags & GIVES_STATUS) && result == 0) end_given(scene, kind, handle);
        } else if (scene->is_child && kind == KIND_FRESH_RT) {
            scene->fresh_before_count -= result == 0; /* the child's own now, or gone */
        } else if (is_handle(kind) && !scene->is_child) {
            end_handle(kind, argument, call->made[i].pointer);
        } else if (is_descriptor(kind)) {
            const bool is_taken = result == 0 && kind >= KIND_FD_STREAM;
            if (!is_taken) close((int)call->made[i].number);
            for (int j = 0; j < 3; ++j) {
                if (argument->extra[j].number > 0) close((int)argument->extra[j].number - 1);
            }
        }
    }
}

void end_kept(struct scene *scene) {
    while (scene->group_count > 0) {
        const zio_err_t status = zio_group_destroy(scene->groups[--scene->group_count]);
        REQUIRE(status == 0 || status == ZIO_EBADF);
    }
    while (scene->runtime_count > 0) {
        zio_rt_t *rt = scene->runtimes[--scene->runtime_count];
        const zio_err_t status = zio_rt_shutdown(rt, ZIO_NEVER);
        REQUIRE(status == 0 || status == ZIO_EBADF);
        if (status == 0) REQUIRE(zio_rt_destroy(rt) == 0);
    }
}

void open_scene(struct scene *scene) {
    struct argument argument = {0};
    memset(scene, 0, sizeof *scene);
    scene->helper = make_listener(&argument, false);
    REQUIRE(zio_listener_addr(scene->helper, &scene->address) == 0);
    REQUIRE(zio_task_key_create(&scene->key, 0, NULL) == 0);
    scene->foreign_listener = scene->helper;
    for (int kind = KIND_STREAM; kind <= KIND_WRITER; ++kind) {
        memset(&argument, 0, sizeof argument);
        scene->dead[kind] = make_handle(scene, &argument, (enum kind)kind);
        end_handle((enum kind)kind, &argument, scene->dead[kind]);
    }
}

void bury(struct scene *scene) {
    struct argument argument = {0};
    zio_task_t *task = make_task(scene, false);
    REQUIRE(zio_task_cancel(task, NULL) == 0 && zio_task_unref(task) == 0);
    scene->dead[KIND_TASK] = task;
    scene->dead[KIND_PREPARED] = make_task(scene, true);
    REQUIRE(zio_task_discard(scene->dead[KIND_PREPARED]) == 0);
    scene->dead[KIND_GROUP] = make_handle(scene, &argument, KIND_GROUP);
    scene->dead[KIND_RT] = scene->dead[KIND_FRESH_RT] = fresh_runtime(scene);
    end_kept(scene);
}

void make_before(struct scene *scene) {
    static struct argument arguments[kind_count];
    memset(arguments, 0, sizeof arguments);
    scene->arguments_before = arguments;
    for (int kind = 0; kind <= KIND_WRITER; ++kind) {
        scene->before[kind].pointer = make_handle(scene, &arguments[kind], (enum kind)kind);
    }
    for (int i = 0; i < most_fresh; ++i) scene->fresh_before[i] = fresh_runtime(scene);
    scene->fresh_before_count = most_fresh;
}

void end_before(struct scene *scene) {
    for (int kind = 0; kind <= KIND_WRITER; ++kind) {
        end_handle((enum kind)kind, &scene->arguments_before[kind], scene->before[kind].pointer);
    }
}

void close_scene(struct scene *scene) {
    REQUIRE(zio_listener_close(scene->helper) == 0);
}
