/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of pcaptool/newfile.c: a process that makes a file is killed at each of its system calls, one
 * after the other. No moment is left to chance: what stays in the folder is the old file, or the
 * new one, and nothing else. */
#define _GNU_SOURCE /* O_TMPFILE */
#include "newfile.h"

#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* More than the process makes: the test would find no end else. */
#define CALLS_MAX 5000

static char *folder, *path;

/* As on a file system that has no files without a name. */
static gboolean is_poor;

int __real_open(const char *name, int flags, ...);
int __wrap_open(const char *name, int flags, ...);

int __wrap_open(const char *name, int flags, ...)
{
    if (is_poor && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return __real_open(name, flags, 0666);
}

/* ---- what is killed ---- */

/* `alive` is open as long as this process or its keeper is there. */
G_GNUC_NORETURN static void make_file(enum imapid_newfile_kind kind)
{
    struct imapid_newfile *file;
    char *message = NULL;

    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        _exit(2);
    (void)raise(SIGSTOP);
    file = imapid_newfile_open(path, kind, &message);
    if (!file || write(imapid_newfile_get_fd(file), "new", 3) != 3 ||
        !imapid_newfile_publish(file, &message))
        _exit(1);
    imapid_newfile_free(file);
    _exit(0);
}

/* ---- what became of it ---- */

static void wait_for_keeper(int alive)
{
    char octet;

    while (read(alive, &octet, 1) < 0)
        g_assert_cmpint(errno, ==, EINTR);
    close(alive);
}

static void assert_folder(const char *old, gboolean is_ended)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;
    char *text = NULL;

    while ((name = g_dir_read_name(dir)))
        g_assert_cmpstr(name, ==, "out");
    g_dir_close(dir);
    (void)g_file_get_contents(path, &text, NULL, NULL);
    if (is_ended || g_strcmp0(text, old))
        g_assert_cmpstr(text, ==, "new");
    g_free(text);
}

/* Lets the process go on to its system call number `n_calls`, counted from 0 at its way in and out, and
 * kills it there. Returns false where it ended before. */
static gboolean kill_at(pid_t pid, int n_calls)
{
    int status, number = 0;

    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    for (int i = 0; i <= n_calls && WIFSTOPPED(status); i++) {
        g_assert_cmpint(ptrace(PTRACE_SYSCALL, pid, NULL, GINT_TO_POINTER(number)), ==, 0);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        number = WIFSTOPPED(status) && WSTOPSIG(status) != SIGTRAP ? WSTOPSIG(status) : 0;
    }
    if (WIFSTOPPED(status)) {
        g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFSIGNALED(status));
        return TRUE;
    }
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
    return FALSE;
}

/* True where the process was killed. */
static gboolean run(enum imapid_newfile_kind kind, int n_calls, const char *old)
{
    int ends[2];
    gboolean is_killed;
    pid_t pid;

    g_unlink(path);
    if (old)
        g_assert_true(g_file_set_contents(path, old, -1, NULL));
    g_assert_cmpint(pipe(ends), ==, 0);
    pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        close(ends[0]);
        make_file(kind);
    }
    close(ends[1]);
    is_killed = kill_at(pid, n_calls);
    wait_for_keeper(ends[0]);
    assert_folder(old, !is_killed);
    return is_killed;
}

static void test_killed(gconstpointer kind)
{
    static const char *const olds[] = {NULL, "old"};

    for (size_t i = 0; i < G_N_ELEMENTS(olds); i++) {
        int n_calls = 0;

        while (run((enum imapid_newfile_kind)GPOINTER_TO_INT(kind), n_calls, olds[i]))
            g_assert_cmpint(++n_calls, <, CALLS_MAX);
        g_test_message("killed at %d moments", n_calls);
        g_assert_cmpint(n_calls, >, 10);
    }
    g_unlink(path);
}

/* Those that replace the same file at once do not take away what the others are writing. */
static void test_together(void)
{
    pid_t pids[16];
    int status;

    for (size_t i = 0; i < G_N_ELEMENTS(pids); i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            char *message = NULL;
            struct imapid_newfile *file =
                imapid_newfile_open(path, IMAPID_NEWFILE_DATABASE, &message);

            /* Where there was none yet, the first one that is published stays. */
            if (file && !g_file_test(imapid_newfile_get_name(file), G_FILE_TEST_EXISTS))
                _exit(1);
            if (!file || write(imapid_newfile_get_fd(file), "new", 3) != 3)
                _exit(2);
            (void)imapid_newfile_publish(file, &message);
            imapid_newfile_free(file);
            _exit(0);
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(pids); i++) {
        g_assert_cmpint(waitpid(pids[i], &status, 0), ==, pids[i]);
        g_assert_cmpint(status, ==, 0);
    }
    assert_folder(NULL, TRUE);
    g_unlink(path);
}

static void assert_text(const char *at, const char *want)
{
    char *text = NULL;

    g_assert_true(g_file_get_contents(at, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, want);
    g_free(text);
}

static void assert_n_files(unsigned n)
{
    GDir *dir = g_dir_open(folder, 0, NULL);

    while (g_dir_read_name(dir))
        n--;
    g_dir_close(dir);
    g_assert_cmpuint(n, ==, 0);
}

static void write_next(struct imapid_newfile *file, gboolean replaces, const char *text)
{
    int fd = -1;

    g_assert_cmpint(imapid_newfile_begin_next(file, replaces, &fd), ==, 0);
    g_assert_cmpint(write(fd, text, strlen(text)), ==, (ssize_t)strlen(text));
    close(fd);
}

/* One after the other under one name; where each has a name before, a run for the same file that begins
 * meanwhile takes it for a killed one's unless it is locked. */
static void test_next(gconstpointer poor)
{
    struct imapid_newfile *file, *other;
    char *message = NULL;
    int fd = -1;

    is_poor = GPOINTER_TO_INT(poor);
    file = imapid_newfile_open(path, IMAPID_NEWFILE_TEXT, &message);
    g_assert_nonnull(file);
    g_assert_cmpint(write(imapid_newfile_get_fd(file), "one", 3), ==, 3);
    g_assert_true(imapid_newfile_publish(file, &message));
    g_assert_cmpint(imapid_newfile_begin_next(file, FALSE, &fd), ==, EALREADY);
    write_next(file, TRUE, "never seen");
    assert_text(path, "one");
    write_next(file, TRUE, "two");
    other = imapid_newfile_open(path, IMAPID_NEWFILE_TEXT, &message);
    g_assert_nonnull(other);
    imapid_newfile_free(other);
    g_assert_true(imapid_newfile_publish(file, &message));
    assert_text(path, "two");
    g_assert_cmpint(g_unlink(path), ==, 0);
    write_next(file, FALSE, "three");
    g_assert_true(imapid_newfile_publish(file, &message));
    assert_text(path, "three");
    write_next(file, TRUE, "thrown away");
    imapid_newfile_free(file);
    assert_n_files(1);
    g_unlink(path);
    is_poor = FALSE;
}

/* What is set aside stays as it is under a name of its own. */
static void test_aside(void)
{
    struct imapid_newfile *file;
    char *message = NULL, *earlier = g_build_filename(folder, "out", NULL);
    GPatternSpec *wanted = g_pattern_spec_new("out_??????????????_0000?");
    const char *name;
    unsigned n = 0;
    GDir *dir;

    g_assert_true(g_file_set_contents(earlier, "before", -1, NULL));
    file = imapid_newfile_open(path, IMAPID_NEWFILE_TEXT, &message);
    for (int i = 0; i < 2; i++) {
        g_assert_true(imapid_newfile_set_aside(file, &message));
        write_next(file, TRUE, "after");
        g_assert_true(imapid_newfile_publish(file, &message));
    }
    imapid_newfile_free(file);
    assert_text(path, "after");
    dir = g_dir_open(folder, 0, NULL);
    while ((name = g_dir_read_name(dir))) {
        char *at = g_build_filename(folder, name, NULL);

        if (strcmp(name, "out")) {
            g_assert_true(g_pattern_spec_match_string(wanted, name));
            assert_text(at, name[strlen(name) - 1] == '1' ? "before" : "after");
            n++;
        }
        g_unlink(at);
        g_free(at);
    }
    g_dir_close(dir);
    g_assert_cmpuint(n, ==, 2);
    g_pattern_spec_free(wanted);
    g_free(earlier);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    imapid_sandbox_disable(); /* where it would be entered is no moment of interest */
    folder = g_dir_make_tmp("imapid-newfile-XXXXXX", NULL);
    path = g_build_filename(folder, "out", NULL);
    g_test_add_data_func("/newfile/killed/text", GINT_TO_POINTER(IMAPID_NEWFILE_TEXT), test_killed);
    g_test_add_data_func("/newfile/killed/database", GINT_TO_POINTER(IMAPID_NEWFILE_DATABASE),
                         test_killed);
    g_test_add_func("/newfile/together", test_together);
    g_test_add_data_func("/newfile/next", GINT_TO_POINTER(FALSE), test_next);
    g_test_add_data_func("/newfile/next/named", GINT_TO_POINTER(TRUE), test_next);
    g_test_add_func("/newfile/aside", test_aside);
    status = g_test_run();
    g_assert_cmpint(g_rmdir(folder), ==, 0);
    g_free(path);
    g_free(folder);
    return status;
}
