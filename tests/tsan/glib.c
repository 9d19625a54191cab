/* SPDX-License-Identifier: GPL-2.0-or-later */
/* glib.c: what ThreadSanitizer has to know of GLib. A distribution's GLib is not instrumented, so
 * that its locks and threads order nothing in the sanitizer's eyes, and every access under them is
 * reported. Linked into a program built with -fsanitize=thread, these definitions stand in front of
 * GLib's: locks are pthread's, which are understood; a thread pool stays GLib's, and says when a
 * job was given and when it is done.
 *
 * Not seen: what GLib itself does to memory. Two threads that append to one GString are found by
 * the fields we touch, not by those that GLib touches.
 *
 * Used wrongly: beside a GLib that is instrumented, or for a lock kind that is not here (GRecMutex,
 * GStaticMutex, GBit locks stay GLib's: define them before they are used). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <glib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void __tsan_acquire(void *address);
void __tsan_release(void *address);
const char *__tsan_default_options(void);

/* What only calls the C library from within GLib or SQLite is none of our accesses. */
const char *__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1";
}

/* GLib's slices go from thread to thread in ways that are not seen: malloc's are, and GLib 2.76 has
 * no others. An older one reads this variable when it first allocates, before main(); and what
 * setenv() does before the C library has started is undone by its start. So the program starts anew
 * with it, once. */
static void use_malloc(int argc, char **argv, char **envp)
{
    static char setting[] = "G_SLICE=always-malloc";
    size_t n = 0;

    (void)argc;
    for (; envp[n]; n++)
        if (!strcmp(envp[n], setting))
            return;
    char **with = calloc(n + 2, sizeof *with);
    if (!with)
        abort();
    with[0] = setting; /* the first of two is read */
    memcpy(&with[1], envp, n * sizeof *with);
    execve("/proc/self/exe", argv, with);
    abort();
}

__attribute__((section(".preinit_array"),
               used)) static void (*const before_glib)(int, char **, char **) = use_malloc;

/* ---- locks: a pointer in GLib's place for one, made when it is first used ---- */

static void *get_lock(gpointer *place, size_t size, int (*init)(void *))
{
    void *lock = __atomic_load_n(place, __ATOMIC_ACQUIRE);
    void *expected = NULL;

    if (lock)
        return lock;
    lock = calloc(1, size);
    if (!lock || init(lock))
        abort();
    if (__atomic_compare_exchange_n(place, &expected, lock, FALSE, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
        return lock;
    free(lock); /* another thread was first */
    return expected;
}

static int init_mutex(void *lock)
{
    return pthread_mutex_init(lock, NULL);
}

static int init_rw_lock(void *lock)
{
    return pthread_rwlock_init(lock, NULL);
}

static int init_cond(void *lock)
{
    pthread_condattr_t attributes;
    int failure;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* g_get_monotonic_time()'s */
    failure = pthread_cond_init(lock, &attributes);
    pthread_condattr_destroy(&attributes);
    return failure;
}

static pthread_mutex_t *mutex_of(GMutex *mutex)
{
    return get_lock(&mutex->p, sizeof(pthread_mutex_t), init_mutex);
}

static pthread_rwlock_t *rw_lock_of(GRWLock *lock)
{
    return get_lock(&lock->p, sizeof(pthread_rwlock_t), init_rw_lock);
}

static pthread_cond_t *cond_of(GCond *cond)
{
    return get_lock(&cond->p, sizeof(pthread_cond_t), init_cond);
}

void g_mutex_init(GMutex *mutex)
{
    mutex->p = NULL;
}

void g_mutex_clear(GMutex *mutex)
{
    if (!mutex->p)
        return;
    pthread_mutex_destroy(mutex->p);
    free(mutex->p);
    mutex->p = NULL;
}

void g_mutex_lock(GMutex *mutex)
{
    pthread_mutex_lock(mutex_of(mutex));
}

gboolean g_mutex_trylock(GMutex *mutex)
{
    return pthread_mutex_trylock(mutex_of(mutex)) == 0;
}

void g_mutex_unlock(GMutex *mutex)
{
    pthread_mutex_unlock(mutex_of(mutex));
}

void g_rw_lock_init(GRWLock *lock)
{
    lock->p = NULL;
}

void g_rw_lock_clear(GRWLock *lock)
{
    if (!lock->p)
        return;
    pthread_rwlock_destroy(lock->p);
    free(lock->p);
    lock->p = NULL;
}

void g_rw_lock_writer_lock(GRWLock *lock)
{
    pthread_rwlock_wrlock(rw_lock_of(lock));
}

gboolean g_rw_lock_writer_trylock(GRWLock *lock)
{
    return pthread_rwlock_trywrlock(rw_lock_of(lock)) == 0;
}

void g_rw_lock_writer_unlock(GRWLock *lock)
{
    pthread_rwlock_unlock(rw_lock_of(lock));
}

void g_rw_lock_reader_lock(GRWLock *lock)
{
    pthread_rwlock_rdlock(rw_lock_of(lock));
}

gboolean g_rw_lock_reader_trylock(GRWLock *lock)
{
    return pthread_rwlock_tryrdlock(rw_lock_of(lock)) == 0;
}

void g_rw_lock_reader_unlock(GRWLock *lock)
{
    pthread_rwlock_unlock(rw_lock_of(lock));
}

void g_cond_init(GCond *cond)
{
    cond->p = NULL;
}

void g_cond_clear(GCond *cond)
{
    if (!cond->p)
        return;
    pthread_cond_destroy(cond->p);
    free(cond->p);
    cond->p = NULL;
}

void g_cond_wait(GCond *cond, GMutex *mutex)
{
    pthread_cond_wait(cond_of(cond), mutex_of(mutex));
}

gboolean g_cond_wait_until(GCond *cond, GMutex *mutex, gint64 end_time)
{
    struct timespec until = {.tv_sec = end_time / G_USEC_PER_SEC,
                             .tv_nsec = end_time % G_USEC_PER_SEC * 1000};

    return pthread_cond_timedwait(cond_of(cond), mutex_of(mutex), &until) == 0;
}

void g_cond_signal(GCond *cond)
{
    pthread_cond_signal(cond_of(cond));
}

void g_cond_broadcast(GCond *cond)
{
    pthread_cond_broadcast(cond_of(cond));
}

/* ---- GLib's own, with a word to the sanitizer ---- */

#define NEXT(function) ((__typeof__(&(function)))dlsym(RTLD_NEXT, #function))

gboolean(g_once_init_enter)(volatile void *location)
{
    gboolean is_first = NEXT(g_once_init_enter)(location);

    __tsan_acquire((void *)(guintptr)location);
    return is_first;
}

void(g_once_init_leave)(volatile void *location, gsize result)
{
    __tsan_release((void *)(guintptr)location);
    NEXT(g_once_init_leave)(location, result);
}

/* A pool with the function it was made for. What is given is released in `given` and acquired by
 * every job; jobs release `done`, which g_thread_pool_free() acquires. No job is ordered against
 * another. GLib copies neither: a pool is found by the one that GLib made. */
struct pool {
    GFunc function;
    gpointer user_data;
    char given, done;
    GThreadPool *glib;
    struct pool *next;
};

static pthread_mutex_t pools_lock = PTHREAD_MUTEX_INITIALIZER;
static struct pool *pools;

static struct pool **find_pool(const GThreadPool *glib)
{
    struct pool **place = &pools;

    while (*place && (*place)->glib != glib)
        place = &(*place)->next;
    return place;
}

static void run_job(gpointer data, gpointer user_data)
{
    struct pool *pool = user_data;

    __tsan_acquire(&pool->given);
    pool->function(data, pool->user_data);
    __tsan_release(&pool->done);
}

GThreadPool *g_thread_pool_new(GFunc func, gpointer user_data, gint max_threads, gboolean exclusive,
                               GError **error)
{
    struct pool *pool = calloc(1, sizeof *pool);

    if (!pool)
        abort();
    pool->function = func;
    pool->user_data = user_data;
    pool->glib = NEXT(g_thread_pool_new)(run_job, pool, max_threads, exclusive, error);
    pthread_mutex_lock(&pools_lock);
    pool->next = pools;
    pools = pool;
    pthread_mutex_unlock(&pools_lock);
    return pool->glib;
}

gboolean g_thread_pool_push(GThreadPool *pool, gpointer data, GError **error)
{
    struct pool *ours;

    pthread_mutex_lock(&pools_lock);
    ours = *find_pool(pool);
    pthread_mutex_unlock(&pools_lock);
    if (ours)
        __tsan_release(&ours->given);
    return NEXT(g_thread_pool_push)(pool, data, error);
}

/* Only a pool that was waited for is forgotten: the jobs of another may still run. */
void g_thread_pool_free(GThreadPool *pool, gboolean immediate, gboolean wait)
{
    struct pool *ours, **place;

    pthread_mutex_lock(&pools_lock);
    place = find_pool(pool);
    ours = *place;
    if (ours)
        *place = ours->next;
    pthread_mutex_unlock(&pools_lock);
    NEXT(g_thread_pool_free)(pool, immediate, wait);
    if (!ours || !wait)
        return;
    __tsan_acquire(&ours->done);
    free(ours);
}
