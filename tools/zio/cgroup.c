/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L

#include "cgroup.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"

/* Where a hierarchy of groups is mounted, what of it, and where this process is in it. */
struct hierarchy {
    bool is_unified; /* version 2 */
    char mount[256];
    char root[256];
    char group[512];
};

/* Whether a list like "cpu,cpuacct" has the word. */
static bool has_word(const char *list, const char *word) {
    const size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at += length) {
        const bool begins = at == list || at[-1] == ',';
        if (begins && (at[length] == '\0' || at[length] == ',')) return true;
    }
    return false;
}

/* Lines of mountinfo: `36 31 0:30 /root /mount/point options - type source options`. */
static bool find_mount(const char *controller, bool unified, struct hierarchy *found) {
    static char text[65536];
    char *rest = NULL;
    if (!read_file("/proc/self/mountinfo", text, sizeof text)) return false;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char type[32], options[256];
        const char *behind = strstr(line, " - ");
        if (behind == NULL || sscanf(behind, " - %31s %*s %255s", type, options) != 2) continue;
        const bool fits = unified ? strcmp(type, "cgroup2") == 0
                                  : strcmp(type, "cgroup") == 0 && has_word(options, controller);
        if (!fits) continue;
        if (sscanf(line, "%*s %*s %*s %255s %255s", found->root, found->mount) == 2) return true;
    }
    return false;
}

/* Lines of /proc/self/cgroup: `4:memory:/path`, and `0::/path` of version 2. */
static bool find_group(const char *controller, bool unified, struct hierarchy *found) {
    char text[4096];
    char *rest = NULL;
    if (!read_file("/proc/self/cgroup", text, sizeof text)) return false;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *const controllers = strchr(line, ':');
        char *const path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        if (path == NULL) continue;
        *path = '\0';
        const bool fits = unified ? controllers[1] == '\0' : has_word(controllers + 1, controller);
        if (!fits) continue;
        (void)snprintf(found->group, sizeof found->group, "%s", path + 1);
        return true;
    }
    return false;
}

/* The path within the mount: without the part that lies above it, as containers see it. */
static void cut_root(struct hierarchy *hierarchy) {
    const size_t length = strlen(hierarchy->root);
    if (strcmp(hierarchy->root, "/") != 0 &&
        strncmp(hierarchy->group, hierarchy->root, length) == 0) {
        memmove(hierarchy->group, hierarchy->group + length, strlen(hierarchy->group + length) + 1);
    }
    if (strstr(hierarchy->group, "/..") != NULL || strcmp(hierarchy->group, "/") == 0) {
        hierarchy->group[0] = '\0';
    }
}

static bool find_hierarchy(const char *controller, struct hierarchy *found, bool unified) {
    found->is_unified = unified;
    if (!find_group(controller, unified, found) || !find_mount(controller, unified, found)) {
        return false;
    }
    cut_root(found);
    return true;
}

/* Calls `look` for the group of this process and for each above it. */
static void walk(const char *controller,
                 void (*look)(const char *folder, bool unified, struct cgroup_limit *least),
                 struct cgroup_limit *least) {
    for (int unified = 0; unified <= 1; unified++) {
        struct hierarchy hierarchy;
        if (!find_hierarchy(controller, &hierarchy, unified != 0)) continue;
        for (;;) {
            char folder[800];
            (void)snprintf(folder, sizeof folder, "%s%s", hierarchy.mount, hierarchy.group);
            look(folder, unified != 0, least);
            char *const slash = strrchr(hierarchy.group, '/');
            if (slash == NULL) break;
            *slash = '\0';
        }
    }
}

static bool read_in(const char *folder, const char *name, uint64_t *number) {
    char path[PATH_MAX];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return read_number(path, number);
}

static void take_least(struct cgroup_limit *least, uint64_t limit, uint64_t left,
                       const char *folder, const char *name) {
    if (least->found && least->left <= left) return;
    least->found = true;
    least->limit = limit;
    least->left = left;
    (void)snprintf(least->file, sizeof least->file, "%.450s/%s", folder, name);
}

static void look_at_processors(const char *folder, bool unified, struct cgroup_limit *least) {
    const char *name = unified ? "cpu.max" : "cpu.cfs_quota_us";
    uint64_t quota, period = 0;
    if (!read_in(folder, name, &quota)) return; /* "max", or -1 */
    if (unified) {
        char path[PATH_MAX], text[64];
        (void)snprintf(path, sizeof path, "%s/%s", folder, name);
        if (!read_file(path, text, sizeof text)) return;
        const char *second = strchr(text, ' ');
        if (second != NULL) period = strtoull(second, NULL, 10);
    } else if (!read_in(folder, "cpu.cfs_period_us", &period)) {
        return;
    }
    if (period == 0) return;
    const uint64_t thousandths = quota * 1000 / period;
    take_least(least, thousandths, thousandths, folder, name);
}

static void look_at_memory(const char *folder, bool unified, struct cgroup_limit *least) {
    const char *name = unified ? "memory.max" : "memory.limit_in_bytes";
    const char *const cached[] = {unified ? "inactive_file" : "total_inactive_file",
                                  unified ? "active_file" : "total_active_file"};
    char path[PATH_MAX];
    uint64_t limit, used;
    if (!read_in(folder, name, &limit) || limit >= INT64_MAX / 2) return;
    if (!read_in(folder, unified ? "memory.current" : "memory.usage_in_bytes", &used)) return;
    (void)snprintf(path, sizeof path, "%s/memory.stat", folder);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t bytes;
        if (read_named_number(path, cached[i], &bytes)) used -= bytes < used ? bytes : used;
    }
    take_least(least, limit, limit > used ? limit - used : 0, folder, name);
}

static void look_at_pids(const char *folder, bool unified, struct cgroup_limit *least) {
    uint64_t limit, used;
    (void)unified;
    if (!read_in(folder, "pids.max", &limit) || !read_in(folder, "pids.current", &used)) return;
    take_least(least, limit, limit > used ? limit - used : 0, folder, "pids.max");
}

struct cgroup_limit cgroup_processors(void) {
    struct cgroup_limit least = {0};
    walk("cpu", look_at_processors, &least);
    return least;
}

struct cgroup_limit cgroup_memory(void) {
    struct cgroup_limit least = {0};
    walk("memory", look_at_memory, &least);
    return least;
}

struct cgroup_limit cgroup_pids(void) {
    struct cgroup_limit least = {0};
    walk("pids", look_at_pids, &least);
    return least;
}

uint64_t available_memory(void) {
    uint64_t free_kib = 0, swap_kib = 0;
    const struct cgroup_limit group = cgroup_memory();
    (void)read_named_number("/proc/meminfo", "MemAvailable", &free_kib);
    (void)read_named_number("/proc/meminfo", "SwapFree", &swap_kib);
    const uint64_t machine = (free_kib + swap_kib) * 1024;
    return group.found && (machine == 0 || group.left < machine) ? group.left : machine;
}
