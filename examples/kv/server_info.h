/* SPDX-License-Identifier: MIT */
/* The commands by which the server describes itself: INFO, COMMAND and CONFIG. */
#ifndef KV_SERVER_INFO_H
#define KV_SERVER_INFO_H

#include "commands.h"

void command_info(struct session *session, const struct argument *arguments, size_t count);
void command_command(struct session *session, const struct argument *arguments, size_t count);
extern const struct command command_parts[];
extern const struct command config_parts[];

#endif
