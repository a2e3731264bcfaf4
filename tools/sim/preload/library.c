/* SPDX-License-Identifier: MIT */
/* Finds libzio in the process: linked to the program, or loaded later by a part of it, also where
 * its names are nobody else's (as in an interpreter). It is known by the name in the file. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "preload.h"

static struct library library;
static _Atomic(const struct library *) found;
static _Atomic uintptr_t first_address, last_address;

struct search {
    const char *path; /* of libzio */
    uintptr_t first, last;
};

/* How many objects had been loaded when they were last looked through. */
static _Atomic unsigned long long seen_count;

void *find_next(_Atomic(void *) *place, const char *name) {
    void *function = atomic_load_explicit(place, memory_order_relaxed);
    if (function != NULL) return function;
    function = dlsym(RTLD_NEXT, name);
    atomic_store_explicit(place, function, memory_order_relaxed);
    return function;
}

static const char *name_of(const struct dl_phdr_info *info, const ElfW(Dyn) * entry) {
    uintptr_t names = 0, offset = 0;
    for (; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_STRTAB) names = entry->d_un.d_ptr;
        if (entry->d_tag == DT_SONAME) offset = entry->d_un.d_val;
    }
    if (names == 0 || offset == 0) return "";
    if (names < info->dlpi_addr)
        names += info->dlpi_addr; /* some loaders leave it as in the file */
    return (const char *)names + offset;
}

static int look_at(struct dl_phdr_info *info, size_t size, void *data) {
    static const char wanted[] = "libzio.so";
    struct search *const search = data;
    const char *name = "";
    uintptr_t first = UINTPTR_MAX, last = 0;
    (void)size;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *const header = &info->dlpi_phdr[i];
        const uintptr_t from = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_DYNAMIC) name = name_of(info, (const ElfW(Dyn) *)from);
        if (header->p_type != PT_LOAD) continue;
        if (from < first) first = from;
        if (from + header->p_memsz > last) last = from + header->p_memsz;
    }
    if (strncmp(name, wanted, sizeof wanted - 1) != 0) return 0;
    *search = (struct search){info->dlpi_name, first, last};
    return 1;
}

static int count_loaded(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size;
    *(unsigned long long *)data = info->dlpi_adds;
    return 1;
}

#define TAKE(place, handle, name) *(void **)&(place) = dlsym(handle, name)

static const struct library *take_library(const struct search *search) {
    void *const handle = dlopen(search->path, RTLD_LAZY | RTLD_NOLOAD);
    if (handle == NULL) return NULL;
    TAKE(library.is_active, handle, "zio_sim_is_active");
    TAKE(library.seed, handle, "zio_sim_seed");
    TAKE(library.now, handle, "zio_now");
    TAKE(library.advance, handle, "zio_sim_advance");
    TAKE(library.task_self, handle, "zio_task_self");
    if (library.is_active == NULL || library.seed == NULL || library.now == NULL ||
        library.advance == NULL || library.task_self == NULL) {
        dlclose(handle);
        return NULL;
    }
    atomic_store(&first_address, search->first);
    atomic_store(&last_address, search->last);
    return &library;
}

const struct library *find_library(void) {
    static atomic_flag is_busy = ATOMIC_FLAG_INIT;
    const struct library *zio = atomic_load_explicit(&found, memory_order_acquire);
    unsigned long long count = 0;
    if (zio != NULL) return zio;
    dl_iterate_phdr(count_loaded, &count);
    if (count == atomic_load(&seen_count)) return NULL;
    /* An allocator may ask for the time while the loader is at work: what is being loaded then
     * cannot be called yet. */
    if (_r_debug.r_state != RT_CONSISTENT || atomic_flag_test_and_set(&is_busy)) return NULL;
    struct search search = {NULL, 0, 0};
    if (dl_iterate_phdr(look_at, &search) != 0) zio = take_library(&search);
    atomic_store(&seen_count, count);
    if (zio != NULL) atomic_store_explicit(&found, zio, memory_order_release);
    atomic_flag_clear(&is_busy);
    return zio;
}

bool is_of_library(const void *address) {
    const uintptr_t at = (uintptr_t)address;
    return at >= atomic_load_explicit(&first_address, memory_order_relaxed) &&
           at < atomic_load_explicit(&last_address, memory_order_relaxed);
}

/* Before a task does it on its small stack. */
__attribute__((constructor)) static void find_early(void) {
    find_library();
}
