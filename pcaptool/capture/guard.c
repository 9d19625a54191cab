/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A mapped file that another process truncates, or whose disk fails, answers a read with SIGBUS,
 * which ends the process. Here the signal puts a page of zeros in the place that failed and leaves
 * a mark; the reader goes on and asks for the mark before it believes what it has read.
 *
 * SIGBUS from anywhere else goes where it went before. The handler uses nothing but atomic loads
 * and mmap(). Misuse: forgetting to ask imapid_guard_was_hit(), and so taking zeros for contents;
 * removing a guard while another thread still reads its space. */

#include "capture/guard.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

/* One for each file open at a time: one a thread, with room. */
#define N_GUARDS 256

struct imapid_guard {
    atomic_uintptr_t start; /* 0: free; 1: being set up */
    atomic_size_t n;
    atomic_bool hit;
};

static struct imapid_guard guards[N_GUARDS];
static struct sigaction previous;
static uintptr_t page_size;
static bool installed;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static struct imapid_guard *find_guard(uintptr_t place)
{
    for (size_t i = 0; i < N_GUARDS; i++) {
        uintptr_t start = atomic_load(&guards[i].start);
        if (start > 1 && place >= start && place - start < atomic_load(&guards[i].n))
            return &guards[i];
    }
    return NULL;
}

static void on_sigbus(int number, siginfo_t *info, void *context)
{
    (void)context;
    uintptr_t place = (uintptr_t)info->si_addr;
    struct imapid_guard *guard = find_guard(place);
    if (guard) {
        void *page = (void *)(place & ~(page_size - 1));
        atomic_store(&guard->hit, true);
        if (mmap(page, page_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
            MAP_FAILED)
            return;
    }
    /* Not ours, or past help: the instruction runs again and finds the handler there was. */
    sigaction(number, &previous, NULL);
}

static void install(void)
{
    struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    installed = sigaction(SIGBUS, &action, &previous) == 0;
}

struct imapid_guard *imapid_guard_add(const void *start, size_t n)
{
    pthread_once(&once, install);
    if (!installed)
        return NULL;
    for (size_t i = 0; i < N_GUARDS; i++) {
        uintptr_t free_slot = 0;
        if (!atomic_compare_exchange_strong(&guards[i].start, &free_slot, 1))
            continue;
        atomic_store(&guards[i].hit, false);
        atomic_store(&guards[i].n, n);
        atomic_store(&guards[i].start, (uintptr_t)start);
        return &guards[i];
    }
    return NULL;
}

bool imapid_guard_was_hit(const struct imapid_guard *guard)
{
    return atomic_load_explicit(&guard->hit, memory_order_relaxed);
}

void imapid_guard_remove(struct imapid_guard *guard)
{
    if (guard)
        atomic_store(&guard->start, 0);
}
