/* SPDX-License-Identifier: GPL-2.0-or-later */
/* racy.c: proves that glib.c hides no race and invents none. Jobs of a thread pool count in one
 * place: `racy guarded` under a GMutex, `racy shared` under a GRWLock taken for reading only, and
 * `racy bare` under nothing. `racy strings` makes GStrings in two threads that share nothing, one
 * after the other: what GLib gives to the second may be what the first one gave back. */
#include <glib.h>
#include <string.h>

#define N_JOBS 64

struct count {
    const char *how;
    GMutex mutex;
    GRWLock lock;
    guint n;
};

static void count_one(gpointer data, gpointer user_data)
{
    struct count *count = user_data;

    (void)data;
    if (!strcmp(count->how, "guarded"))
        g_mutex_lock(&count->mutex);
    if (!strcmp(count->how, "shared"))
        g_rw_lock_reader_lock(&count->lock);
    count->n++;
    g_usleep(100); /* so that one thread does not do all */
    if (!strcmp(count->how, "guarded"))
        g_mutex_unlock(&count->mutex);
    if (!strcmp(count->how, "shared"))
        g_rw_lock_reader_unlock(&count->lock);
}

static void *make_strings(void *late)
{
    GString *strings[N_JOBS * 4];

    if (late)
        g_usleep(200000); /* the other one has ended, and nobody was told */
    for (guint i = 0; i < G_N_ELEMENTS(strings); i++)
        strings[i] = g_string_new("of one thread");
    for (guint i = 0; i < G_N_ELEMENTS(strings); i++) {
        g_string_append_c(strings[i], '.');
        g_string_free(strings[i], TRUE);
    }
    return NULL;
}

static int run_strings(void)
{
    GThread *early = g_thread_new("early", make_strings, NULL);
    GThread *late = g_thread_new("late", make_strings, GINT_TO_POINTER(TRUE));

    g_thread_join(late);
    g_thread_join(early);
    return 0;
}

int main(int argc, char **argv)
{
    struct count count = {.how = argc > 1 ? argv[1] : "bare"};
    GThreadPool *pool;

    if (!strcmp(count.how, "strings"))
        return run_strings();
    g_mutex_init(&count.mutex);
    g_rw_lock_init(&count.lock);
    pool = g_thread_pool_new(count_one, &count, 4, FALSE, NULL);
    for (guint i = 0; i < N_JOBS; i++)
        g_thread_pool_push(pool, GUINT_TO_POINTER(i + 1), NULL);
    g_thread_pool_free(pool, FALSE, TRUE);
    g_print("%u\n", count.n); /* after all jobs, without a lock */
    g_rw_lock_clear(&count.lock);
    g_mutex_clear(&count.mutex);
    return 0;
}
