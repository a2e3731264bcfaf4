/* SPDX-License-Identifier: MIT */
/* Finds libzio in the process: linked to the program, or loaded later by a part of it, also where
 * its names are nobody else's (as in an interpreter). Nothing here takes memory or waits for the
 * loader: an allocator may be the one that asks for the time. */
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

/* How many objects had been loaded when they were last looked through. */
static _Atomic unsigned long long seen_count;

/* A loaded object, as its file describes it. */
struct object {
    uintptr_t base, first, last;
    const char *name, *names;
    const ElfW(Sym) * symbols;
    const uint32_t *table; /* of GNU's hashes */
};

void *find_next(const char *name) {
    return dlsym(RTLD_NEXT, name);
}

/* Some loaders leave addresses as they are in the file. */
static const void *place_of(const struct object *object, const ElfW(Dyn) * entry) {
    const uintptr_t at = entry->d_un.d_ptr;
    return (const void *)(at < object->base ? at + object->base : at);
}

static void read_tables(struct object *object, const ElfW(Dyn) * entry) {
    size_t name = 0;
    for (; entry->d_tag != DT_NULL; entry++) {
        if (entry->d_tag == DT_STRTAB) object->names = place_of(object, entry);
        if (entry->d_tag == DT_SYMTAB) object->symbols = place_of(object, entry);
        if (entry->d_tag == DT_GNU_HASH) object->table = place_of(object, entry);
        if (entry->d_tag == DT_SONAME) name = entry->d_un.d_val;
    }
    if (object->names != NULL && name != 0) object->name = object->names + name;
}

static struct object describe(const struct dl_phdr_info *info) {
    struct object object = {.base = info->dlpi_addr, .first = UINTPTR_MAX, .name = ""};
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *const header = &info->dlpi_phdr[i];
        const uintptr_t from = object.base + header->p_vaddr;
        if (header->p_type == PT_DYNAMIC) read_tables(&object, (const ElfW(Dyn) *)from);
        if (header->p_type != PT_LOAD) continue;
        if (from < object.first) object.first = from;
        if (from + header->p_memsz > object.last) object.last = from + header->p_memsz;
    }
    return object;
}

/* A bucket has the number of its first symbol; the hashes of a bucket's symbols stand one behind
 * the other, and the last is odd. Those of odd names are, too, so that bit does not count. */
static uintptr_t address_of(const struct object *object, const char *name) {
    const uint32_t bucket_count = object->table[0], first = object->table[1];
    const uint32_t filter_size = object->table[2] * (uint32_t)(sizeof(ElfW(Addr)) / 4);
    const uint32_t *const buckets = object->table + 4 + filter_size;
    const uint32_t *const hashes = buckets + bucket_count;
    uint32_t hash = 5381;
    for (const char *at = name; *at != '\0'; at++) hash = hash * 33 + (unsigned char)*at;
    uint32_t number = buckets[hash % bucket_count];
    if (number < first) return 0;
    for (;; number++) {
        const uint32_t other = hashes[number - first];
        const ElfW(Sym) *const symbol = &object->symbols[number];
        if ((other | 1) == (hash | 1) && strcmp(object->names + symbol->st_name, name) == 0) {
            return symbol->st_shndx != SHN_UNDEF ? object->base + symbol->st_value : 0;
        }
        if ((other & 1) != 0) return 0;
    }
}

#define TAKE(place, name) ((place) = (__typeof__(place))address_of(object, name))

static bool take_library(const struct object *object) {
    if (object->symbols == NULL || object->table == NULL || object->table[0] == 0) return false;
    atomic_store(&first_address, object->first);
    atomic_store(&last_address, object->last);
    return TAKE(library.is_active, "zio_sim_is_active") && TAKE(library.seed, "zio_sim_seed") &&
           TAKE(library.now, "zio_now") && TAKE(library.advance, "zio_sim_advance") &&
           TAKE(library.task_self, "zio_task_self");
}

/* Counts what was loaded, and looks through it when there is more. */
static int look_at(struct dl_phdr_info *info, size_t size, void *data) {
    const char wanted[] = "libzio.so";
    (void)size;
    if (info->dlpi_adds == atomic_load(&seen_count)) return 1;
    *(unsigned long long *)data = info->dlpi_adds;
    const struct object object = describe(info);
    if (strncmp(object.name, wanted, sizeof wanted - 1) != 0 || !take_library(&object)) return 0;
    atomic_store_explicit(&found, &library, memory_order_release);
    return 1;
}

const struct library *find_library(void) {
    static atomic_flag is_busy = ATOMIC_FLAG_INIT;
    const struct library *const zio = atomic_load_explicit(&found, memory_order_acquire);
    unsigned long long count = 0;
    /* What is just being loaded cannot be called yet. */
    if (zio != NULL || _r_debug.r_state != RT_CONSISTENT || atomic_flag_test_and_set(&is_busy)) {
        return zio;
    }
    dl_iterate_phdr(look_at, &count);
    if (count != 0) atomic_store(&seen_count, count);
    atomic_flag_clear(&is_busy);
    return atomic_load_explicit(&found, memory_order_acquire);
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
