/* SPDX-License-Identifier: MIT */
/* Tasks spawned, prepared, launched, discarded, joined by several, referenced and given up in any
 * order. Each that was launched runs once, each argument is freed once, and results stay until the
 * last reference is gone. The bug: giving a task up is taken for waiting for it. */
#include "kit.h"

enum { MOST_JOBS = 24, MOST_REFERENCES = 3 };

struct job {
    zio_task_t *task;            /* NULL: detached, or given up */
    unsigned references, visits; /* of the table, and of who is using it */
    unsigned ran, freed;
    zio_err_t result;
    bool is_launched, is_discarded, is_joined;
};

static struct job jobs[MOST_JOBS];
static unsigned job_count, late_joins, canceled_joins;

static void ZIO_CALL count_freed(void *ud) {
    (*(struct job **)ud)->freed++;
}

static void ZIO_CALL count_freed_job(void *ud) {
    ((struct job *)ud)->freed++;
}

static void add_job(void);

static zio_err_t do_job(struct job *job) {
    must(job->is_launched && job->ran++ == 0, "a task runs once");
    must(job->freed == 0, "its argument lives as long");
    if (chance(150)) add_job();
    if (chance(500)) pause_us(2000);
    if (chance(300)) zio_yield();
    must(job->freed == 0, "its argument lives as long");
    return job->result;
}

static zio_err_t spawned(void *ud) {
    return do_job(ud);
}

static zio_err_t launched(void *ud) {
    return do_job(*(struct job **)ud);
}

static void prepare_job(struct job *job, zio_spawn_options_t *options) {
    void *context, *result;
    options->ud_free = count_freed;
    must(zio_task_prepare(NULL, &job->task, launched, sizeof job, 0, 8, 0, options, &context,
                          &result) == ZIO_OK,
         "a task can be prepared");
    *(struct job **)context = job;
    must(zio_task_result(job->task) == result, "its result has a place");
    job->references = 1;
    if (chance(300)) {
        job->is_discarded = true;
        must(zio_task_discard(job->task) == ZIO_OK, "it can be discarded");
        must(job->freed == 1, "then its argument is freed");
        job->task = NULL;
        job->references = 0;
        return;
    }
    job->is_launched = true;
    must(zio_task_launch(job->task) == ZIO_OK, "it can be launched");
    must(zio_task_launch(job->task) == ZIO_EALREADY, "once");
}

static void add_job(void) {
    zio_spawn_options_t options;
    if (job_count == MOST_JOBS) return;
    struct job *const job = &jobs[job_count++];
    zio_spawn_options_init(&options, sizeof options);
    options.priority = (uint32_t)below(3);
    if (chance(200)) options.stack_size = 64 * 1024;
    if (chance(300)) options.name = "job";
    job->result = (zio_err_t)below(7) - 3;
    if (chance(300)) {
        prepare_job(job, &options);
        return;
    }
    const bool is_detached = chance(300);
    options.ud_free = count_freed_job;
    job->is_launched = true;
    must(zio_spawn(NULL, is_detached ? NULL : &job->task, spawned, job, &options) == ZIO_OK,
         "a task can be spawned");
    job->references = is_detached ? 0 : 1;
}

static void check_ended(const struct job *job, zio_err_t result) {
    must(result == job->result, "a joiner gets the result");
    must(job->ran == 1 && job->freed == 1, "who is joined has ended");
}

static void give_up(struct job *job) {
    zio_task_t *const task = job->task;
    if (--job->references == 0) job->task = NULL;
    must(zio_task_unref(task) == ZIO_OK, "a task can be given up");
    if (is_planted) must(job->ran == 1, "who is given up has run");
    if (job->references == 0 && job->visits == 0 && job->freed == 1) {
        must(zio_task_join(task, NULL, ZIO_NEVER) == ZIO_EBADF, "then there is nothing left");
    }
}

static void join(struct job *job) {
    zio_task_t *const task = job->task;
    zio_err_t result = 77;
    must(zio_task_ref(task) == task, "a task can be referenced");
    job->visits++;
    const zio_err_t err = zio_task_join(task, &result, some_deadline(1500));
    if (err == ZIO_OK) {
        check_ended(job, result);
    } else {
        must(err == ZIO_ETIMEDOUT && result == 77, "a join is done or late");
        late_joins++;
    }
    job->visits--;
    must(zio_task_unref(task) == ZIO_OK, "a reference can be given up");
}

static void cancel(struct job *job) {
    zio_err_t result;
    zio_task_t *const task = zio_task_ref(job->task);
    job->visits++;
    must(zio_task_cancel(task, &result) == ZIO_OK, "a task can be canceled");
    check_ended(job, result);
    job->visits--;
    must(zio_task_unref(task) == ZIO_OK, "a reference can be given up");
    canceled_joins++;
}

/* One of several who do anything with any of them. */
static zio_err_t meddle(void *ud) {
    (void)ud;
    for (uint64_t left = 5 + below(20); left > 0; left--) {
        struct job *const job = &jobs[below(MOST_JOBS)];
        if (chance(300)) add_job();
        if (job->task == NULL) {
            zio_yield();
            continue;
        }
        const uint64_t what = below(5);
        if (what == 0) join(job);
        if (what == 1) give_up(job);
        if (what == 2) zio_task_request_cancel(job->task);
        if (what == 3 && chance(300)) cancel(job);
        if (what == 4 && job->references < MOST_REFERENCES) {
            must(zio_task_ref(job->task) == job->task, "a task can be referenced");
            job->references++;
        }
    }
    return ZIO_OK;
}

static zio_err_t body(void *ud) {
    zio_task_t *meddlers[3];
    (void)ud;
    must(zio_task_join(zio_task_self(), NULL, ZIO_NEVER) == ZIO_EDEADLK, "none waits for itself");
    for (unsigned i = 0; i < 6; i++) add_job();
    for (unsigned i = 0; i < 3; i++) meddlers[i] = start(meddle, NULL);
    for (unsigned i = 0; i < 3; i++) finish(meddlers[i]);
    for (unsigned i = 0; i < job_count; i++) {
        while (jobs[i].task != NULL) {
            if (chance(500)) join(&jobs[i]);
            give_up(&jobs[i]);
        }
        while (jobs[i].is_launched && jobs[i].freed == 0) pause_us(1000);
    }
    for (unsigned i = 0; i < job_count; i++) {
        must(jobs[i].ran == (jobs[i].is_launched ? 1 : 0), "who was launched ran, nobody else");
        must(jobs[i].freed == 1, "each argument is freed once");
    }
    zio_sim_sometimes(late_joins > 2, "several joins are late");
    zio_sim_sometimes(canceled_joins > 1, "several tasks are canceled");
    return ZIO_OK;
}

const struct program spawn_join = {"spawn_join", body, ""};
