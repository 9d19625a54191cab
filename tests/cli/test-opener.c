/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/opener.c: that each path is answered with its own file, in whatever order they
 * are asked for. */
#include "opener.h"

#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define N_FILES 50

/* Of these one is a FIFO, and one is removed. */
#define FIFO    20
#define MISSING 33

static char *folder;
static char *paths[N_FILES];

static void confine_not(void)
{
}

static void begin(void)
{
    folder = g_dir_make_tmp("imapid-opener-XXXXXX", NULL);
    g_assert_cmpint(g_chmod(folder, 0777), ==, 0);
    for (int i = 0; i < N_FILES; i++) {
        char *name = g_strdup_printf("%d", i);

        paths[i] = g_build_filename(folder, name, NULL);
        if (i == FIFO)
            g_assert_cmpint(mkfifo(paths[i], 0600), ==, 0);
        else
            g_assert_true(g_file_set_contents(paths[i], name, -1, NULL));
        imapid_opener_allow(paths[i], i % 2 && i != FIFO);
        imapid_opener_allow(paths[i], false); /* named twice */
        g_free(name);
    }
    g_assert_cmpint(g_unlink(paths[MISSING]), ==, 0);
    g_assert_true(imapid_opener_start(confine_not));
}

static void end(void)
{
    imapid_opener_end();
    for (int i = 0; i < N_FILES; i++) {
        if (i != MISSING)
            g_assert_cmpint(g_unlink(paths[i]), ==, 0);
        g_free(paths[i]);
    }
    g_assert_cmpint(g_rmdir(folder), ==, 0);
    g_free(folder);
}

static void assert_opens(int i)
{
    int fd = imapid_opener_open(paths[i], O_NONBLOCK);
    char text[16] = {0}, wanted[16];

    if (i == MISSING) {
        g_assert_cmpint(errno, ==, ENOENT);
        g_assert_cmpint(fd, ==, -1);
        return;
    }
    g_assert_cmpint(fd, >=, 0);
    if (i != FIFO) {
        (void)g_snprintf(wanted, sizeof wanted, "%d", i);
        g_assert_cmpint(read(fd, text, sizeof text - 1), ==, (ssize_t)strlen(wanted));
        g_assert_cmpstr(text, ==, wanted);
    }
    g_assert_cmpint(fcntl(fd, F_GETFD) & FD_CLOEXEC, !=, 0);
    g_assert_cmpint(close(fd), ==, 0);
}

static unsigned count_descriptors(void)
{
    GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
    unsigned n = 0;

    while (g_dir_read_name(dir))
        n++;
    g_dir_close(dir);
    return n;
}

static void test_in_order(void)
{
    unsigned n_before = count_descriptors();

    begin();
    for (int i = 0; i < N_FILES; i++)
        assert_opens(i);
    end();
    g_assert_cmpuint(count_descriptors(), ==, n_before);
}

/* Some are asked for again, some never. */
static void test_in_any_order(void)
{
    unsigned n_before = count_descriptors();

    begin();
    for (int i = 0; i < N_FILES; i += 3) {
        assert_opens(i);
        assert_opens(N_FILES - 1 - i);
        assert_opens(i / 2);
    }
    end();
    g_assert_cmpuint(count_descriptors(), ==, n_before);
}

/* Nobody writes to the FIFO until it is asked for: it is not opened ahead. */
static void test_fifo_waits(void)
{
    begin();
    assert_opens(FIFO - 1);
    g_assert_cmpint(open(paths[FIFO], O_WRONLY | O_NONBLOCK), ==, -1);
    g_assert_cmpint(errno, ==, ENXIO);
    end();
}

static gint next;

static void *open_all(void *data)
{
    int i;

    (void)data;
    while ((i = g_atomic_int_add(&next, 1)) < N_FILES)
        assert_opens(i);
    return NULL;
}

/* Some are asked for ahead by one thread and taken by others. */
static void test_threads(void)
{
    unsigned n_before = count_descriptors();

    for (int round = 0; round < 20; round++) {
        GThread *threads[3];

        begin();
        g_atomic_int_set(&next, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
            threads[i] = g_thread_new("asks", open_all, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
            g_thread_join(threads[i]);
        end();
    }
    g_assert_cmpuint(count_descriptors(), ==, n_before);
}

/* What was asked for ahead when nobody came for it is closed. */
static void test_end_while_asked(void)
{
    unsigned n_before = count_descriptors();

    begin();
    for (int i = 0; i < FIFO / 2; i++)
        assert_opens(i);
    end();
    g_assert_cmpuint(count_descriptors(), ==, n_before);
}

/* For who is root there is no bound of what is under way. */
static void become_somebody(void)
{
    const struct rlimit few = {64, 64};

    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &few), ==, 0);
    if (!geteuid())
        g_assert_cmpint(setuid(65534), ==, 0);
}

/* Somebody else's descriptors are under way, and nobody receives them: files cannot be had, and that is said. Later
 * they can. */
static void test_under_way_of_others(void)
{
    int pair[2], fds[IMAPID_DESCRIPTORS_MAX], n = 0;

    if (!g_test_subprocess()) {
        g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
        g_test_trap_assert_passed();
        return;
    }
    become_somebody();
    begin();
    for (unsigned i = 0; i < G_N_ELEMENTS(fds); i++)
        fds[i] = STDIN_FILENO;
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), ==, 0);
    while (n < 100 && imapid_descriptors_send(pair[0], 0, fds, G_N_ELEMENTS(fds)))
        n++;
    g_assert_cmpint(n, <, 100);
    for (int i = 0; i < 3; i++) {
        g_assert_cmpint(imapid_opener_open(paths[i], O_NONBLOCK), ==, -1);
        g_assert_cmpint(errno, ==, ETOOMANYREFS);
    }
    close(pair[0]);
    close(pair[1]);
    for (int i = 0; i < N_FILES; i++)
        assert_opens(i);
    end();
}

static void test_ahead(void)
{
    begin();
    assert_opens(0);
    g_assert_cmpint(g_unlink(paths[1]), ==, 0);
    assert_opens(1); /* it came with the one before */
    g_assert_cmpint(imapid_opener_open(paths[1], O_NONBLOCK), ==, -1);
    g_assert_cmpint(imapid_opener_open("/", O_NONBLOCK), ==, -1);
    g_assert_cmpint(errno, ==, EACCES);
    g_assert_true(g_file_set_contents(paths[1], "1", -1, NULL));
    end();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/opener/in-order", test_in_order);
    g_test_add_func("/opener/in-any-order", test_in_any_order);
    g_test_add_func("/opener/threads", test_threads);
    g_test_add_func("/opener/end-while-asked", test_end_while_asked);
    g_test_add_func("/opener/under-way-of-others", test_under_way_of_others);
    g_test_add_func("/opener/fifo-waits", test_fifo_waits);
    g_test_add_func("/opener/ahead", test_ahead);
    return g_test_run();
}
