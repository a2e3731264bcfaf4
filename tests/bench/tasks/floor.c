/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE

#include "tasks/floor.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>

#if defined(__x86_64__)

enum { STACK_BYTES = 64 * 1024, COLOUR_BYTES = 64, COLOURS = 31 };

struct context {
    void *stack, *frame, *resume;
};

struct floor_task {
    struct context context;
    struct floor_task *next, *joiner;
    void (*entry)(void *);
    void *ud;
    char *top;
    bool has_ended;
};

static struct floor_task native;
static struct floor_task *current = &native, *spare, *ready, **ready_end = &ready;

/* Everything but three registers is given up to the compiler, which saves what it needs. */
static inline __attribute__((always_inline)) void switch_to(struct context *from,
                                                            struct context *to) {
    register struct context *a __asm__("rax") = from;
    register struct context *c __asm__("rcx") = to;
    __asm__ volatile(
        "leaq 0f(%%rip), %%rdx\n\t"
        "movq %%rsp, 0(%%rax)\n\t"
        "movq %%rbp, 8(%%rax)\n\t"
        "movq %%rdx, 16(%%rax)\n\t"
        "movq 0(%%rcx), %%rsp\n\t"
        "movq 8(%%rcx), %%rbp\n\t"
        "jmpq *16(%%rcx)\n\t"
        ".p2align 4\n"
        "0:\n"
        : "+r"(a), "+r"(c)
        :
        : "rdx", "rbx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0",
          "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
          "xmm12", "xmm13", "xmm14", "xmm15", "cc", "memory");
}

static inline void push(struct floor_task *task) {
    task->next = NULL;
    *ready_end = task;
    ready_end = &task->next;
}

static inline struct floor_task *pop(void) {
    struct floor_task *task = ready;
    ready = task->next;
    if (ready == NULL) ready_end = &ready;
    return task;
}

static inline void go(struct floor_task *task) {
    struct floor_task *from = current;
    current = task;
    switch_to(&from->context, &task->context);
}

static void run(void) {
    for (;;) {
        struct floor_task *task = current;
        task->entry(task->ud);
        task->has_ended = true;
        go(task->joiner != NULL ? task->joiner : pop());
    }
}

static struct floor_task *make(void) {
    static unsigned made;
    struct floor_task *task = aligned_alloc(64, (sizeof *task + 63) & ~(size_t)63);
    char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (task == NULL || stack == MAP_FAILED) abort();
    task->top = stack + STACK_BYTES - (size_t)(made++ % COLOURS) * COLOUR_BYTES;
    return task;
}

bool floor_exists(void) {
    return true;
}

__attribute__((noinline)) void floor_yield(void) {
    if (ready == NULL) return;
    push(current);
    go(pop());
}

__attribute__((noinline)) struct floor_task *floor_spawn(void (*entry)(void *), void *ud) {
    struct floor_task *task = spare;
    if (task != NULL) {
        spare = task->next;
    } else {
        task = make();
    }
    task->entry = entry;
    task->ud = ud;
    task->joiner = NULL;
    task->has_ended = false;
    task->context = (struct context){task->top - 8, NULL, (void *)run};
    push(task);
    return task;
}

__attribute__((noinline)) void floor_join(struct floor_task *task) {
    if (!task->has_ended) {
        task->joiner = current;
        go(pop());
    }
    task->next = spare;
    spare = task;
}

#else

bool floor_exists(void) {
    return false;
}
void floor_yield(void) {
    abort();
}
struct floor_task *floor_spawn(void (*entry)(void *), void *ud) {
    (void)entry;
    (void)ud;
    abort();
}
void floor_join(struct floor_task *task) {
    (void)task;
    abort();
}

#endif
