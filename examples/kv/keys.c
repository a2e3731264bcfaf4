/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include <string.h>

#include "text.h"

static const char not_an_integer[] = "value is not an integer or out of range";
static const char syntax_error[] = "syntax error";

static struct entry *find(struct session *session, const struct argument *key) {
    return store_find(&session->database->store, key->data, key->length);
}

/* For the commands that read: counts whether the key was there. */
static struct entry *look_up(struct session *session, const struct argument *key) {
    struct entry *entry = find(session, key);
    if (entry != NULL) {
        session->database->hits++;
    } else {
        session->database->misses++;
    }
    return entry;
}

/* The value to store: a long argument is taken as it is, a short one copied out of the buffer. */
static struct entry *put(struct session *session, const struct argument *key,
                         const struct argument *value) {
    struct blob *blob =
        value->blob != NULL ? blob_share(value->blob) : blob_copy(value->data, value->length);
    return store_put(&session->database->store, key->data, key->length, blob);
}

static void set_expiry(struct session *session, struct entry *entry, int64_t at_ms) {
    if (at_ms == entry->expires_ms) return;
    store_expire(&session->database->store, entry, at_ms);
    expirer_notice(session->database);
}

static void reply_key(struct session *session, const struct argument *key) {
    const struct entry *entry = look_up(session, key);
    if (entry == NULL) {
        reply_null(&session->reply);
    } else {
        reply_value(&session->reply, entry->value);
    }
}

void command_get(struct session *session, const struct argument *arguments, size_t count) {
    (void)count;
    reply_key(session, &arguments[1]);
}

void command_mget(struct session *session, const struct argument *arguments, size_t count) {
    reply_array(&session->reply, count - 1);
    for (size_t i = 1; i < count; i++) reply_key(session, &arguments[i]);
}

/* --- SET ------------------------------------------------------------------------------------ */

struct set_options {
    bool only_new, only_old, keep_expiry, give_old;
    const struct argument *expiry; /* NULL: none */
    bool expiry_in_seconds, expiry_is_instant;
};

/* EX, PX, EXAT, PXAT: two of them may only stand together when they are the same. */
static bool take_expiry_option(struct set_options *options, const struct argument *word,
                               const struct argument *value) {
    const bool seconds = argument_is(word, "ex") || argument_is(word, "exat");
    const bool instant = argument_is(word, "exat") || argument_is(word, "pxat");
    if (!seconds && !instant && !argument_is(word, "px")) return false;
    if (options->keep_expiry || value == NULL) return false;
    if (options->expiry != NULL &&
        (seconds != options->expiry_in_seconds || instant != options->expiry_is_instant)) {
        return false;
    }
    options->expiry = value;
    options->expiry_in_seconds = seconds;
    options->expiry_is_instant = instant;
    return true;
}

static bool take_set_options(struct set_options *options, const struct argument *arguments,
                             size_t count) {
    for (size_t i = 3; i < count; i++) {
        const struct argument *word = &arguments[i];
        if (argument_is(word, "nx") && !options->only_old) {
            options->only_new = true;
        } else if (argument_is(word, "xx") && !options->only_new) {
            options->only_old = true;
        } else if (argument_is(word, "get")) {
            options->give_old = true;
        } else if (argument_is(word, "keepttl") && options->expiry == NULL) {
            options->keep_expiry = true;
        } else if (take_expiry_option(options, word, i + 1 < count ? word + 1 : NULL)) {
            i++;
        } else {
            return false;
        }
    }
    return true;
}

/* The instant an option of SET names; false: an error was replied. */
static bool set_expiry_instant(struct session *session, const struct set_options *options,
                               int64_t *at_ms) {
    int64_t value;
    if (!parse_integer(options->expiry->data, options->expiry->length, &value)) {
        reply_error(&session->reply, "%s", not_an_integer);
        return false;
    }
    bool valid = value > 0 && !(options->expiry_in_seconds && value > INT64_MAX / 1000);
    if (valid && options->expiry_in_seconds) value *= 1000;
    if (valid && !options->expiry_is_instant) {
        const int64_t now_ms = store_now_ms(&session->database->store);
        valid = value <= INT64_MAX - now_ms;
        if (valid) value += now_ms;
    }
    if (!valid) reply_error(&session->reply, "invalid expire time in 'set' command");
    *at_ms = value;
    return valid;
}

void command_set(struct session *session, const struct argument *arguments, size_t count) {
    struct set_options options;
    memset(&options, 0, sizeof options);
    if (count > 3 && !take_set_options(&options, arguments, count)) {
        reply_error(&session->reply, "%s", syntax_error);
        return;
    }
    int64_t expires_ms = 0;
    if (options.expiry != NULL && !set_expiry_instant(session, &options, &expires_ms)) return;

    if (options.give_old) reply_key(session, &arguments[1]);
    if (options.only_new || options.only_old) {
        const bool there = find(session, &arguments[1]) != NULL;
        if (there == options.only_new) {
            if (!options.give_old) reply_null(&session->reply);
            return;
        }
    }
    struct entry *entry = put(session, &arguments[1], &arguments[2]);
    if (!options.keep_expiry) set_expiry(session, entry, expires_ms);
    if (!options.give_old) reply_text(&session->reply, "+OK\r\n");
}

void command_mset(struct session *session, const struct argument *arguments, size_t count) {
    if (count % 2 == 0) {
        reply_error(&session->reply, "wrong number of arguments for 'mset' command");
        return;
    }
    for (size_t i = 1; i < count; i += 2) {
        set_expiry(session, put(session, &arguments[i], &arguments[i + 1]), 0);
    }
    reply_text(&session->reply, "+OK\r\n");
}

void command_incr(struct session *session, const struct argument *arguments, size_t count) {
    (void)count;
    struct entry *entry = find(session, &arguments[1]);
    int64_t value = 0;
    if (entry != NULL && !parse_integer(entry->value->data, entry->value->length, &value)) {
        reply_error(&session->reply, "%s", not_an_integer);
        return;
    }
    if (value == INT64_MAX) {
        reply_error(&session->reply, "increment or decrement would overflow");
        return;
    }
    char digits[20];
    struct blob *blob = blob_copy(digits, format_integer(digits, ++value));
    if (entry != NULL) {
        store_replace(entry, blob);
    } else {
        store_put(&session->database->store, arguments[1].data, arguments[1].length, blob);
    }
    reply_integer(&session->reply, value);
}

/* --- keys ----------------------------------------------------------------------------------- */

void command_del(struct session *session, const struct argument *arguments, size_t count) {
    int64_t removed = 0;
    for (size_t i = 1; i < count; i++) {
        removed += store_remove(&session->database->store, arguments[i].data, arguments[i].length);
    }
    reply_integer(&session->reply, removed);
}

void command_exists(struct session *session, const struct argument *arguments, size_t count) {
    int64_t there = 0;
    for (size_t i = 1; i < count; i++) there += look_up(session, &arguments[i]) != NULL;
    reply_integer(&session->reply, there);
}

struct expire_options {
    bool only_without, only_with, only_later, only_earlier;
};

/* False: an error was replied. */
static bool take_expire_options(struct session *session, struct expire_options *options,
                                const struct argument *arguments, size_t count) {
    for (size_t i = 3; i < count; i++) {
        const struct argument *word = &arguments[i];
        if (argument_is(word, "nx")) {
            options->only_without = true;
        } else if (argument_is(word, "xx")) {
            options->only_with = true;
        } else if (argument_is(word, "gt")) {
            options->only_later = true;
        } else if (argument_is(word, "lt")) {
            options->only_earlier = true;
        } else {
            reply_error(&session->reply, "Unsupported option %.*s", (int)word->length, word->data);
            return false;
        }
    }
    if (options->only_without &&
        (options->only_with || options->only_later || options->only_earlier)) {
        reply_error(&session->reply,
                    "NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if (options->only_later && options->only_earlier) {
        reply_error(&session->reply, "GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

/* A key that never expires counts as one that expires later than any other. */
static bool may_expire(const struct entry *entry, const struct expire_options *options,
                       int64_t at_ms) {
    const bool expires = entry->expires_ms != 0;
    if (options->only_without && expires) return false;
    if (options->only_with && !expires) return false;
    if (options->only_later && (!expires || at_ms <= entry->expires_ms)) return false;
    return !(options->only_earlier && expires && at_ms >= entry->expires_ms);
}

void command_expire(struct session *session, const struct argument *arguments, size_t count) {
    struct store *store = &session->database->store;
    struct expire_options options;
    memset(&options, 0, sizeof options);
    int64_t seconds;
    if (!take_expire_options(session, &options, arguments, count)) return;
    if (!parse_integer(arguments[2].data, arguments[2].length, &seconds)) {
        reply_error(&session->reply, "%s", not_an_integer);
        return;
    }
    const int64_t now_ms = store_now_ms(store);
    if (seconds < INT64_MIN / 1000 || seconds > (INT64_MAX - now_ms) / 1000) {
        reply_error(&session->reply, "invalid expire time in 'expire' command");
        return;
    }
    const int64_t at_ms = now_ms + seconds * 1000;
    struct entry *entry = find(session, &arguments[1]);
    if (entry == NULL || !may_expire(entry, &options, at_ms)) {
        reply_integer(&session->reply, 0);
        return;
    }
    if (seconds <= 0) {
        store_remove(store, arguments[1].data, arguments[1].length);
    } else {
        set_expiry(session, entry, at_ms);
    }
    reply_integer(&session->reply, 1);
}

void command_ttl(struct session *session, const struct argument *arguments, size_t count) {
    (void)count;
    const struct entry *entry = look_up(session, &arguments[1]);
    if (entry == NULL) {
        reply_integer(&session->reply, -2);
    } else if (entry->expires_ms == 0) {
        reply_integer(&session->reply, -1);
    } else {
        const int64_t left_ms = entry->expires_ms - store_now_ms(&session->database->store);
        reply_integer(&session->reply, left_ms < 0 ? 0 : left_ms / 1000 + (left_ms % 1000 >= 500));
    }
}

struct keys_search {
    const struct argument *pattern;
    struct reply *reply; /* NULL: only count */
    size_t found;
};

static void take_matching_key(void *context, const struct entry *entry) {
    struct keys_search *search = context;
    const bool all = search->pattern->length == 1 && search->pattern->data[0] == '*';
    if (!all && !glob_match(search->pattern->data, search->pattern->length, entry->key,
                            entry->key_length, false)) {
        return;
    }
    search->found++;
    reply_bulk(search->reply, entry->key, entry->key_length);
}

/* The count stands before the keys but is known after them, so that they are gathered aside. */
void command_keys(struct session *session, const struct argument *arguments, size_t count) {
    (void)count;
    struct reply keys;
    reply_init(&keys);
    struct keys_search search = {&arguments[1], &keys, 0};
    store_each(&session->database->store, take_matching_key, &search);
    reply_array(&session->reply, search.found);
    reply_append(&session->reply, &keys);
    reply_destroy(&keys);
}

void command_dbsize(struct session *session, const struct argument *arguments, size_t count) {
    (void)arguments;
    (void)count;
    reply_integer(&session->reply, (int64_t)session->database->store.count);
}

void command_flushall(struct session *session, const struct argument *arguments, size_t count) {
    /* ASYNC may free the memory later; freeing it at once is allowed, too. */
    if (count > 2 || (count == 2 && !argument_is(&arguments[1], "async") &&
                      !argument_is(&arguments[1], "sync"))) {
        reply_error(&session->reply, "%s", syntax_error);
        return;
    }
    store_clear(&session->database->store);
    reply_text(&session->reply, "+OK\r\n");
}
