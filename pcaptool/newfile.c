/* SPDX-License-Identifier: GPL-2.0-or-later */
/* newfile.c: a file that is there whole or not at all.
 *
 *     O_TMPFILE, or .NAME.imapid-XXXXXX -> write -> fsync -> rename to NAME -> fsync of the folder
 *
 * A process of its own gives the names, the keeper: the one that reads what strangers sent need
 * neither rename nor delete. The keeper waits for one octet; where this process ends without it, it
 * takes a name that was only for the time away. After log rotation it makes the next file, too, and hands its
 * descriptor over. So it also makes that one: there is no moment at
 * which the name is there and the keeper is not. What a keeper that was killed as well leaves is taken
 * away by the next one for the same name, which knows by a lock that nobody is using it.
 *
 * Refuses a path that is no regular file, and a folder that cannot be written.
 *
 * Misuse: opening a file when there are threads. */
#define _GNU_SOURCE /* O_TMPFILE, renameat2 */
#include "newfile.h"

#include "descriptors.h"
#include "failure.h"
#include "helper.h"
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

/* Links that are followed to what is replaced: as many as Linux follows. */
#define LINKS_MAX 40

/* How long to wait for another program that is replacing the same database, in tries. */
#define PATIENCE 100
#define PAUSE_US (100 * 1000)

/* What the keeper is asked to do. */
enum { PUBLISH = 'p', NEXT = 'n', REPLACEMENT = 'r', ASIDE = 'a' };

/* Descriptors of the next file: to be written, and to be kept for the one who asks for its lock. */
#define N_NEXT 2

/* Names that are tried for a file that is set aside. */
#define ASIDES_MAX 1000

/* Random names that are tried; the first one is free. */
#define NAMES_MAX 100

struct imapid_newfile {
    char *path;   /* as it is named in messages */
    char *target; /* what it leads to */
    char *folder;
    char *reach; /* where the keeper may write: the folder, or what that is in */
    char *name;  /* for the time; NULL: none */
    int fd;
    int old;         /* a database that is replaced, with its lock; -1: none */
    gboolean is_new; /* a database where there was none */
    struct imapid_helper keeper;
    unsigned n_aside; /* the keeper's: names that it gave to earlier files */
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

/* A rule of Landlock is for a folder, not for its name: one that is made anew is in what the rule is for only if that
 * is the one above. */
static char *find_reach(const struct imapid_newfile *file, enum imapid_newfile_kind kind)
{
    char *folder = kind == IMAPID_NEWFILE_LASTING ? realpath(file->folder, NULL) : NULL;
    char *above = folder ? g_path_get_dirname(folder) : NULL;

    free(folder);
    if (above && strcmp(above, "/") != 0)
        return above;
    g_free(above);
    return g_strdup(file->folder);
}

/* By its whole name: the folder in which this process is may be one that is made anew. */
static char *make_absolute(char *path)
{
    char *here = g_path_is_absolute(path) ? NULL : g_get_current_dir();
    char *whole = g_build_filename(here ? here : "/", path, NULL);

    g_free(here);
    g_free(path);
    return whole;
}

/* ".NAME.imapid-", cut so that what is behind it fits into a name. */
static char *make_prefix(const struct imapid_newfile *file)
{
    char *base = g_path_get_basename(file->target);
    char *prefix = g_strdup_printf(".%.200s.imapid-", base);

    g_free(base);
    return prefix;
}

static char *make_name(const struct imapid_newfile *file, guint32 number)
{
    char *prefix = make_prefix(file);
    char *name = g_strdup_printf("%s/%s%08x", file->folder, prefix, number);

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

/* Is the file that we hold still the one of that name? */
static gboolean is_same(int fd, const char *path)
{
    struct stat mine, other;

    return fstat(fd, &mine) == 0 && stat(path, &other) == 0 && mine.st_dev == other.st_dev &&
           mine.st_ino == other.st_ino;
}

/* Not every file system has files without a name. */
static int open_nameless(const struct imapid_newfile *file)
{
    return open(file->folder, O_RDWR | O_TMPFILE | O_CLOEXEC, 0666);
}

/* What the keeper tells of the file that it made. */
struct made {
    int error;      /* errno; 0: it is there */
    guint32 number; /* of its name */
};

/* In the moment before there is a lock, another keeper that cleans the folder may take the file for a
 * killed one's: false, then. Some file systems have no locks. */
static gboolean lock_made(int fd, const char *name)
{
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return FALSE;
    return is_same(fd, name);
}

/* A file under a name for the time, which becomes file->name. Its descriptor, or -1: file->name is NULL then. */
static int open_named(struct imapid_newfile *file, struct made *made)
{
    *made = (struct made){.error = EEXIST};
    for (int i = 0; i < NAMES_MAX && made->error == EEXIST; i++) {
        int fd;

        made->number = g_random_int();
        file->name = make_name(file, made->number);
        fd = open(file->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0)
            made->error = errno;
        else if (lock_made(fd, file->name))
            made->error = 0;
        else
            close(fd);
        if (!made->error)
            return fd;
        g_clear_pointer(&file->name, g_free);
    }
    return -1;
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

/* As what it replaces, or else as `before` (-1: none). That it is somebody else's is no reason not to write
 * it. */
static void take_mode(const struct imapid_newfile *file, int fd, int before)
{
    struct stat st;

    if (stat(file->target, &st) != 0 && (before < 0 || fstat(before, &st) != 0))
        return;
    if (fchown(fd, st.st_uid, st.st_gid) != 0)
        st.st_mode &= 0777; /* no set-user-ID of another owner */
    if (fchmod(fd, st.st_mode & 07777) != 0)
        return;
}

/* ---- the keeper ---- */

/* A file without a name gets one for the moment: linkat() replaces nothing. */
static int give_name(struct imapid_newfile *file)
{
    char from[64];

    if (file->name)
        return 0;
    file->name = make_name(file, g_random_int());
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

/* What was not published goes. */
static void drop_name(struct imapid_newfile *file)
{
    if (file->name)
        unlink(file->name);
    g_clear_pointer(&file->name, g_free);
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
        drop_name(file);
        return error;
    }
    g_clear_pointer(&file->name, g_free);
    sync_folder(file);
    return 0;
}

/* "FOLDER/out_20260102030405_00001.jsonl" of "out.jsonl": UTC, and the files of one run are counted, so that names
 * sort as files were written. */
static char *make_aside(const struct imapid_newfile *file, unsigned number)
{
    GDateTime *now = g_date_time_new_now_utc();
    char *base = g_path_get_basename(file->target), *when = g_date_time_format(now, "%Y%m%d%H%M%S");
    const char *dot = strrchr(base, '.');
    size_t n = dot && dot != base ? (size_t)(dot - base) : strlen(base);
    char *path =
        g_strdup_printf("%s/%.*s_%s_%05u%s", file->folder, (int)n, base, when, number, base + n);

    g_free(when);
    g_free(base);
    g_date_time_unref(now);
    return path;
}

/* A second name, as long as the next file has not taken the first: there is always a file of that. Not every
 * file system has second names. */
static int name_aside(const struct imapid_newfile *file, const char *aside)
{
    if (linkat(AT_FDCWD, file->target, AT_FDCWD, aside, 0) == 0)
        return 0;
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
        return errno;
    return renameat2(AT_FDCWD, file->target, AT_FDCWD, aside, RENAME_NOREPLACE) == 0 ? 0 : errno;
}

/* 0, or errno. Where there is nothing of that name, nothing is to be done. */
static int set_aside(struct imapid_newfile *file)
{
    int error = EEXIST;

    for (int i = 0; i < ASIDES_MAX && error == EEXIST; i++) {
        char *aside = make_aside(file, ++file->n_aside);

        error = name_aside(file, aside);
        g_free(aside);
    }
    return error == ENOENT ? 0 : error;
}

/* 0, or errno. Where the file system has no files without a name, it has one for the time. */
static int begin_next(struct imapid_newfile *file, gboolean replaces)
{
    struct made made = {0};
    int fd;

    if (!replaces && is_same(file->fd, file->target))
        return EALREADY;
    drop_name(file);
    fd = open_nameless(file);
    if (fd < 0)
        fd = open_named(file, &made);
    if (fd < 0)
        return made.error;
    take_mode(file, fd, file->fd);
    close(file->fd);
    file->fd = fd;
    return 0;
}

static gboolean send_next(const struct imapid_newfile *file, int socket, int error)
{
    const int fds[N_NEXT] = {file->fd, file->fd};

    return imapid_descriptors_send(socket, error, fds, error ? 0 : N_NEXT);
}

/* Does what one octet asks for. */
static gboolean obey(struct imapid_newfile *file, int socket, char octet)
{
    int error;

    if (octet == NEXT || octet == REPLACEMENT)
        return send_next(file, socket, begin_next(file, octet == REPLACEMENT));
    error = octet == ASIDE ? set_aside(file) : publish(file);
    return write(socket, &error, sizeof error) == (ssize_t)sizeof error;
}

static void keep(void *ctx, int socket)
{
    struct imapid_newfile *file = ctx;
    char octet, *message = NULL;
    gboolean is_confined;

    file->keeper = IMAPID_HELPER_NONE; /* that is this one */
    if (file->fd < 0) {
        struct made made;

        clean_folder(file);
        file->fd = open_named(file, &made);
        if (write(socket, &made, sizeof made) < 0 || made.error) {
            drop_name(file);
            _exit(1);
        }
    }
    /* Where a process cannot be confined here, the reader finds that as well, and says it. */
    is_confined = imapid_sandbox_enter(IMAPID_SANDBOX_KEEPER, file->reach, &message);
    while (is_confined && read(socket, &octet, 1) == 1 && obey(file, socket, octet))
        continue;
    drop_name(file);
    g_free(message);
    imapid_newfile_free(file);
}

/* What the keeper says next. False: it is gone. */
static gboolean hear(const struct imapid_newfile *file, void *to, size_t n)
{
    ssize_t got;

    do
        got = read(file->keeper.socket, to, n);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)n;
}

/* The file that the keeper made. False with errno. */
static gboolean open_made(struct imapid_newfile *file)
{
    struct made made;

    if (!hear(file, &made, sizeof made))
        made.error = EPIPE;
    if (made.error) {
        errno = made.error;
        return FALSE;
    }
    file->name = make_name(file, made.number);
    file->fd = open(file->name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    return file->fd >= 0;
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
    if (kind != IMAPID_NEWFILE_DATABASE)
        file->fd = open_nameless(file);
    if (!imapid_helper_start(&file->keeper, SOCK_STREAM, keep, file) ||
        (file->fd < 0 && !open_made(file)))
        return FALSE;
    take_mode(file, file->fd, -1);
    return TRUE;
}

struct imapid_newfile *imapid_newfile_open(const char *path, enum imapid_newfile_kind kind,
                                           char **message)
{
    struct imapid_newfile *file = g_new(struct imapid_newfile, 1);

    *file = (struct imapid_newfile){.fd = -1, .old = -1, .keeper = IMAPID_HELPER_NONE};
    file->path = g_strdup(path);
    file->target = follow_links(path);
    if (kind == IMAPID_NEWFILE_LASTING)
        file->target = make_absolute(file->target);
    file->folder = g_path_get_dirname(file->target);
    file->reach = find_reach(file, kind);
    if (begin(file, kind))
        return file;
    *message = g_strdup_printf("%s: %s", path, imapid_failure_of_output(errno));
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

/* Has the keeper do what the octet says. The keeper is gone only where somebody killed it: no signal for that.
 * A signal that comes meanwhile does not undo what the keeper does. */
static gboolean ask(const struct imapid_newfile *file, char octet, char **message)
{
    int error = EPIPE;

    if (send(file->keeper.socket, &octet, 1, MSG_NOSIGNAL) == 1 &&
        !hear(file, &error, sizeof error))
        error = EPIPE;
    if (error)
        *message = g_strdup_printf("%s: %s", file->path, imapid_failure_of_output(error));
    return !error;
}

gboolean imapid_newfile_publish(struct imapid_newfile *file, char **message)
{
    return ask(file, PUBLISH, message);
}

gboolean imapid_newfile_set_aside(struct imapid_newfile *file, char **message)
{
    return ask(file, ASIDE, message);
}

gboolean imapid_newfile_may_set_aside(const struct imapid_newfile *file, char **message)
{
    char *aside = make_aside(file, UINT_MAX);
    struct stat st;
    gboolean is_too_long = lstat(aside, &st) != 0 && errno == ENAMETOOLONG;

    g_free(aside);
    if (is_too_long)
        *message = g_strdup_printf("%s: the name is too long for -b, which puts the time and a "
                                   "number behind it",
                                   file->path);
    return !is_too_long;
}

int imapid_newfile_begin_next(struct imapid_newfile *file, gboolean replaces, int *fd)
{
    int error = EPIPE, fds[IMAPID_DESCRIPTORS_MAX];
    char octet = replaces ? REPLACEMENT : NEXT;
    unsigned n;

    if (send(file->keeper.socket, &octet, 1, MSG_NOSIGNAL) != 1)
        return EPIPE;
    n = imapid_descriptors_receive(file->keeper.socket, true, &error, fds);
    if (error || n != N_NEXT) {
        while (n)
            close(fds[--n]);
        return error ? error : EMFILE;
    }
    close(file->fd);
    file->fd = fds[0];
    *fd = fds[1];
    return 0;
}

void imapid_newfile_free(struct imapid_newfile *file)
{
    if (!file)
        return;
    imapid_helper_end(&file->keeper);
    if (file->fd >= 0)
        close(file->fd);
    if (file->old >= 0)
        close(file->old);
    g_free(file->path);
    g_free(file->target);
    g_free(file->folder);
    g_free(file->reach);
    g_free(file->name);
    g_free(file);
}
