/* SPDX-License-Identifier: MIT */
/* The commands that read and change keys. */
#ifndef KV_KEYS_H
#define KV_KEYS_H

#include "commands.h"

void command_get(struct session *session, const struct argument *arguments, size_t count);
void command_set(struct session *session, const struct argument *arguments, size_t count);
void command_incr(struct session *session, const struct argument *arguments, size_t count);
void command_mget(struct session *session, const struct argument *arguments, size_t count);
void command_mset(struct session *session, const struct argument *arguments, size_t count);
void command_del(struct session *session, const struct argument *arguments, size_t count);
void command_exists(struct session *session, const struct argument *arguments, size_t count);
void command_expire(struct session *session, const struct argument *arguments, size_t count);
void command_ttl(struct session *session, const struct argument *arguments, size_t count);
void command_keys(struct session *session, const struct argument *arguments, size_t count);
void command_dbsize(struct session *session, const struct argument *arguments, size_t count);
void command_flushall(struct session *session, const struct argument *arguments, size_t count);

#endif
