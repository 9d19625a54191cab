/* SPDX-License-Identifier: GPL-2.0-or-later */
/* newfile.c: a file that is there whole or not at all.
 *
 *     O_TMPFILE, or .NAME.imapid-XXXXXX -> write -> fsync -> rename to NAME -> fsync of the folder
 *
 * A process of its own gives the name, the keeper: the one that reads what strangers sent need
 * neither rename nor delete. The keeper waits for one octet; where this process ends without it, it
 * takes a name that was only for the time away. What a keeper that was killed as well leaves is taken
 * away by the next one for the same name, which knows by a lock that nobody is using it.
 *
 * Refuses a path that is no regular file, and a folder that cannot be written.
 *
 * Misuse: opening a file when there are threads. */
#define _GNU_SOURCE /* O_TMPFILE, renameat2 */
#include "newfile.h"

#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Links that are followed to what is replaced: as many as Linux follows. */
#define LINKS_MAX 40

/* How long to wait for another program that is replacing the same database, in tries. */
#define PATIENCE 100
#define PAUSE_US (100 * 1000)

/* Random names that are tried; the first one is free. */
#define NAMES_MAX 100

struct imapid_newfile {
    char *path;   /* as it is named in messages */
    char *target; /* what it leads to */
    char *folder;
    char *name; /* for the time; NULL: none */
    int fd;
    int old;         /* a database that is replaced, with its lock; -1: none */
    gboolean is_new; /* a database where there was none */
    int keeper;      /* a socket to it */
    pid_t pid;
};

/* ---- names ---- */

/* What a path leads to, also where that is not there yet. */
static char *follow_links(const char *path)
{
    char *now = g_strdup(path);

    for (int i = 0; i < LINKS_MAX; i++) {
        char *to = g_file_read_link(now, NULL), *folder;

        if (!to)
            break;
        folder = g_path_get_dirname(now);
        g_free(now);
        now = g_path_is_absolute(to) ? g_strdup(to) : g_build_filename(folder, to, NULL);
        g_free(folder);
        g_free(to);
    }
    return now;
}

/* ".NAME.imapid-", cut so that what is behind it fits into a name. */
static char *make_prefix(const struct imapid_newfile *file)
{
    char *base = g_path_get_basename(file->target);
    char *prefix = g_strdup_printf(".%.200s.imapid-", base);

    g_free(base);
    return prefix;
}

static char *make_name(const struct imapid_newfile *file)
{
    char *prefix = make_prefix(file);
    char *name = g_strdup_printf("%s/%s%08x", file->folder, prefix, g_random_int());

    g_free(prefix);
    return name;
}

/* Takes away what processes left that were killed: nobody holds its lock. */
static void clean_folder(const struct imapid_newfile *file)
{
    GDir *dir = g_dir_open(file->folder, 0, NULL);
    char *prefix = make_prefix(file);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        char *path = g_build_filename(file->folder, name, NULL);
        int fd = -1;

        if (g_str_has_prefix(name, prefix) && strlen(name) == strlen(prefix) + 8)
            fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
            unlink(path);
        if (fd >= 0)
            close(fd);
        g_free(path);
    }
    if (dir)
        g_dir_close(dir);
    g_free(prefix);
}

/* ---- the file ---- */

static int open_named(struct imapid_newfile *file)
{
    int fd = -1;

    clean_folder(file);
    for (int i = 0; i < NAMES_MAX && fd < 0; i++) {
        g_free(file->name);
        file->name = make_name(file);
        fd = open(file->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0 && errno != EEXIST)
            return -1;
    }
    if (fd >= 0)
        flock(fd, LOCK_EX | LOCK_NB);
    return fd;
}

/* Not every file system has files without a name. */
static int open_file(struct imapid_newfile *file, enum imapid_newfile_kind kind)
{
    int fd = -1;

    if (kind == IMAPID_NEWFILE_TEXT)
        fd = open(file->folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0666);
    return fd < 0 ? open_named(file) : fd;
}

/* Is the file that we hold still the one of that name? */
static gboolean is_same(int fd, const char *path)
{
    struct stat mine, other;

    return fstat(fd, &mine) == 0 && stat(path, &other) == 0 && mine.st_dev == other.st_dev &&
           mine.st_ino == other.st_ino;
}

/* The database that is there, once nobody else is replacing it. False with errno. */
static gboolean lock_old(struct imapid_newfile *file)
{
    for (int i = 0; i < PATIENCE; i++) {
        file->old = open(file->target, O_RDWR | O_CLOEXEC);
        if (file->old < 0) {
            file->is_new = errno == ENOENT;
            return file->is_new;
        }
        if (flock(file->old, LOCK_EX | LOCK_NB) == 0 && is_same(file->old, file->target))
            return TRUE;
        close(file->old);
        file->old = -1;
        g_usleep(PAUSE_US);
    }
    errno = EBUSY;
    return FALSE;
}

/* As what it replaces. That it is somebody else's is no reason not to write it. */
static void take_mode(const struct imapid_newfile *file)
{
    struct stat st;

    if (stat(file->target, &st) != 0)
        return;
    if (fchown(file->fd, st.st_uid, st.st_gid) != 0)
        st.st_mode &= 0777; /* no set-user-ID of another owner */
    if (fchmod(file->fd, st.st_mode & 07777) != 0)
        return;
}

/* ---- the keeper ---- */

/* A file without a name gets one for the moment: linkat() replaces nothing. */
static int give_name(struct imapid_newfile *file)
{
    char from[64];

    if (file->name)
        return 0;
    file->name = make_name(file);
    g_snprintf(from, sizeof from, "/proc/self/fd/%d", file->fd);
    return linkat(AT_FDCWD, from, AT_FDCWD, file->name, AT_SYMLINK_FOLLOW);
}

static int rename_file(const struct imapid_newfile *file)
{
    if (file->is_new) {
        int status = renameat2(AT_FDCWD, file->name, AT_FDCWD, file->target, RENAME_NOREPLACE);

        if (status == 0 || (errno != EINVAL && errno != ENOSYS))
            return status;
    }
    return rename(file->name, file->target);
}

/* The name is on the disk once the folder is. */
static void sync_folder(const struct imapid_newfile *file)
{
    int fd = open(file->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

/* 0, or errno. */
static int publish(struct imapid_newfile *file)
{
    int error = 0;

    if (fsync(file->fd) != 0 || give_name(file) != 0 || rename_file(file) != 0) {
        error = errno;
        if (file->name)
            unlink(file->name);
        return error;
    }
    sync_folder(file);
    return 0;
}

static void keep(struct imapid_newfile *file, int socket)
{
    char octet, *message = NULL;
    int error;

    (void)signal(SIGINT, SIG_IGN); /* they are for the one who reads */
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    /* Where a process cannot be confined here, the reader finds that as well, and says it. */
    if (imapid_sandbox_enter(IMAPID_SANDBOX_KEEPER, file->folder, &message) &&
        read(socket, &octet, 1) == 1) {
        error = publish(file);
        if (write(socket, &error, sizeof error) < 0)
            _exit(1);
    } else if (file->name) {
        unlink(file->name);
    }
    _exit(0);
}

static gboolean start_keeper(struct imapid_newfile *file)
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return FALSE;
    file->pid = fork();
    if (file->pid == 0) {
        close(ends[0]);
        keep(file, ends[1]);
    }
    close(ends[1]);
    file->keeper = ends[0];
    return file->pid > 0;
}

/* ---- what others call ---- */

static gboolean begin(struct imapid_newfile *file, enum imapid_newfile_kind kind)
{
    struct stat st;

    if (stat(file->target, &st) == 0 && !S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        return FALSE;
    }
    if (kind == IMAPID_NEWFILE_DATABASE && !lock_old(file))
        return FALSE;
    file->fd = open_file(file, kind);
    if (file->fd < 0)
        return FALSE;
    take_mode(file);
    return start_keeper(file);
}

struct imapid_newfile *imapid_newfile_open(const char *path, enum imapid_newfile_kind kind,
                                           char **message)
{
    struct imapid_newfile *file = g_new(struct imapid_newfile, 1);

    *file = (struct imapid_newfile){.fd = -1, .old = -1, .keeper = -1};
    file->path = g_strdup(path);
    file->target = follow_links(path);
    file->folder = g_path_get_dirname(file->target);
    if (begin(file, kind))
        return file;
    *message = g_strdup_printf("%s: %s", path, g_strerror(errno));
    if (file->name && file->fd >= 0)
        unlink(file->name);
    imapid_newfile_free(file);
    return NULL;
}

int imapid_newfile_get_fd(const struct imapid_newfile *file)
{
    return file->fd;
}

const char *imapid_newfile_get_name(const struct imapid_newfile *file)
{
    return file->name;
}

gboolean imapid_newfile_publish(struct imapid_newfile *file, char **message)
{
    int error = 0;
    ssize_t n;

    /* The keeper is gone only where somebody killed it: no signal for that. A signal that comes
     * meanwhile does not undo what the keeper does. */
    if (send(file->keeper, "p", 1, MSG_NOSIGNAL) != 1) {
        error = EPIPE;
    } else {
        do
            n = read(file->keeper, &error, sizeof error);
        while (n < 0 && errno == EINTR);
        if (n != sizeof error)
            error = EPIPE;
    }
    if (error)
        *message = g_strdup_printf("%s: %s", file->path, g_strerror(error));
    return !error;
}

void imapid_newfile_free(struct imapid_newfile *file)
{
    if (!file)
        return;
    if (file->keeper >= 0)
        close(file->keeper);
    if (file->pid > 0)
        while (waitpid(file->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    if (file->fd >= 0)
        close(file->fd);
    if (file->old >= 0)
        close(file->old);
    g_free(file->path);
    g_free(file->target);
    g_free(file->folder);
    g_free(file->name);
    g_free(file);
}
