/* SPDX-License-Identifier: MIT */
/* A database of keys and values in memory that speaks the Redis protocol: point redis-cli or
 * redis-benchmark at it. One task per client reads requests, runs as many as have come, and answers
 * them with one write. What it does is in kv/: requests taken apart, commands, the table, replies.
 */
#include <string.h>

#include "kv/commands.h"
#include "server.h"

enum {
    WRITE_BYTES = 64 * 1024, /* replies that wait are written at the latest now */
    EXPIRED_PER_STEP = 256,  /* keys removed before clients get their turn */
    EXPIRER_PAUSE_MS = 10,   /* an expired key is never seen, so removing it has time */
    LINGER_MS = 1000,
    LINGER_BYTES = 64 * 1024 * 1024
};

/* --- clients -------------------------------------------------------------------------------- */

/* Runs the requests that have come whole. Nothing in here suspends, so the lock is held shortly,
 * and only waits when several workers run clients. */
static enum request_state run_requests(struct session *session, struct request *request) {
    enum request_state state = REQUEST_READY;
    pthread_mutex_lock(&session->database->store.lock);
    while (!session->closing && reply_pending(&session->reply) < WRITE_BYTES) {
        state = request_next(request);
        if (state != REQUEST_READY) break;
        command_run(session, request->arguments, request->count);
    }
    pthread_mutex_unlock(&session->database->store.lock);
    return state;
}

static bool read_more(zio_stream_t *stream, struct request *request) {
    char *where;
    size_t room;
    if (!request_space(request, &where, &room)) return false;
    const zio_ssize_t length = zio_stream_read(stream, where, room, ZIO_NEVER);
    if (length <= 0) return false;
    request_received(request, (size_t)length);
    return true;
}

/* A connection that is closed with unread bytes is reset, and the reset may overtake the last
 * reply. So the rest of what the client sends is read and thrown away, up to a limit. */
static void linger(zio_stream_t *stream) {
    char unwanted[4096];
    const zio_deadline_t end = zio_after_ms(LINGER_MS);
    zio_ssize_t length = zio_stream_shutdown(stream, end);
    for (size_t total = 0; length >= 0 && total < LINGER_BYTES; total += (size_t)length) {
        length = zio_stream_read(stream, unwanted, sizeof unwanted, end);
        if (length == 0) return;
    }
}

static void converse(zio_stream_t *stream, struct session *session, struct request *request) {
    for (;;) {
        const enum request_state state = run_requests(session, request);
        if (state == REQUEST_BROKEN) {
            reply_error(&session->reply, "Protocol error: %s", request->problem);
            session->closing = true;
        }
        if (reply_pending(&session->reply) > 0 && reply_write(&session->reply, stream) != 0) {
            return;
        }
        if (session->closing) {
            linger(stream);
            return;
        }
        if (state == REQUEST_TOO_LARGE) return;
        if (state == REQUEST_INCOMPLETE && !read_more(stream, request)) return;
    }
}

static void count_client(struct database *database, bool comes) {
    pthread_mutex_lock(&database->store.lock);
    if (comes) {
        database->clients++;
        database->connections++;
    } else {
        database->clients--;
    }
    pthread_mutex_unlock(&database->store.lock);
}

static void serve(zio_stream_t *stream, void *ud) {
    struct session session;
    struct request request;
    session.database = ud;
    session.closing = false;
    reply_init(&session.reply);
    request_init(&request);
    count_client(session.database, true);
    converse(stream, &session, &request);
    count_client(session.database, false);
    request_destroy(&request);
    reply_destroy(&session.reply);
}

/* --- keys that expire ----------------------------------------------------------------------- */

/* Removes what nobody asks for any more. It sleeps until the next key expires, and for ever while
 * none does; a command that sets an earlier one wakes it. */
static zio_err_t ZIO_CALL expire_keys(void *ud) {
    struct database *database = ud;
    zio_err_t error = 0;
    while (error == 0 || error == ZIO_ETIMEDOUT) {
        pthread_mutex_lock(&database->store.lock);
        const bool done = store_remove_expired(&database->store, EXPIRED_PER_STEP);
        const int64_t next_ms = store_next_expiry_ms(&database->store);
        const int64_t wait_ms = next_ms - store_now_ms(&database->store) + EXPIRER_PAUSE_MS;
        database->expirer_wakes_ms = next_ms;
        pthread_mutex_unlock(&database->store.lock);
        if (!done) {
            error = zio_yield();
        } else {
            error = zio_task_park(next_ms == 0 ? ZIO_NEVER : zio_after_ms(wait_ms));
        }
    }
    return 0;
}

static zio_err_t start(const struct server_status *status, void *ud) {
    struct database *database = ud;
    database->backend = status->backend;
    database->port = status->address.port;
    database->started_ms = store_now_ms(&database->store);
    return zio_spawn(NULL, &database->expirer, expire_keys, database, NULL);
}

int main(int argc, char **argv) {
    static struct database database;
    const struct server_program program = {
        .purpose = "keeps keys and values in memory and speaks the Redis protocol",
        .default_port = 6379,
        .serve = serve,
        .start = start,
        .ud = &database,
    };
    store_init(&database.store);
    const int status = server_main(argc, argv, &program);
    (void)zio_task_unref(database.expirer);
    store_destroy(&database.store);
    return status;
}
