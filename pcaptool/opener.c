/* SPDX-License-Identifier: GPL-2.0-or-later */
/* opener.c: a process that opens files for the one that may not.
 *
 *     reader: path, flags -> socket -> opener: was that allowed? open() -> descriptor -> reader
 *
 * The opener is a copy of the reader from before it read anything, so that it knows what was allowed
 * without being told, and a path means the same to both: it has the same working folder, and the
 * descriptors that /dev/stdin and /dev/fd name. It takes one request at a time. Regular files are
 * mostly asked for in the order in which they were allowed, so with one it sends those behind it: to
 * wait for each would cost as much as to read a small one. What it refuses: paths that were not
 * allowed, letter for letter, and beneath a folder whatever would lead out of it. It believes nothing
 * that a request says but that.
 *
 * Misuse: allowing more once the opener runs; it does not hear of it. */
#define _GNU_SOURCE /* O_PATH */
#include "opener.h"

#include "descriptors.h"
#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLAGS_TAKEN (O_NONBLOCK | O_DIRECTORY)
#define FLAGS_GIVEN (O_RDONLY | O_CLOEXEC | O_NOCTTY)

/* Descriptors of this program have lower numbers: few are open when the opener starts. */
#define N_OWN 256

/* Descriptors of an answer: the one asked for, and those ahead. */
#define N_ANSWER IMAPID_DESCRIPTORS_MAX

struct request {
    int flags;
    char path[PATH_MAX];
};

static struct {
    GMutex mutex;       /* one request at a time */
    GPtrArray *files;   /* allowed, in that order; NULL: none */
    GHashTable *places; /* of each in `files`, from 1 */
    GPtrArray *folders; /* without a slash at the end */
    struct imapid_helper helper;
    int *ahead;  /* the reader's: by place, came before it was asked for; -1: did not */
    size_t next; /* the opener's: the first place that it has not looked at */
} opener = {.helper = {.socket = -1}};

void imapid_opener_allow(const char *path)
{
    char *copy;

    if (!opener.files) {
        opener.files = g_ptr_array_new_with_free_func(g_free);
        opener.places = g_hash_table_new(g_str_hash, g_str_equal);
    }
    if (g_hash_table_contains(opener.places, path))
        return;
    copy = g_strdup(path);
    g_ptr_array_add(opener.files, copy);
    g_hash_table_insert(opener.places, copy, GSIZE_TO_POINTER(opener.files->len));
}

/* In `files`, from 1; 0: it is not there. */
static size_t find_place(const char *path)
{
    return opener.places ? GPOINTER_TO_SIZE(g_hash_table_lookup(opener.places, path)) : 0;
}

void imapid_opener_allow_folder(const char *path)
{
    size_t n = strlen(path);

    imapid_opener_allow(path);
    while (n && path[n - 1] == '/')
        n--;
    if (!opener.folders)
        opener.folders = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(opener.folders, g_strndup(path, n));
}

/* ---- the opener ---- */

/* What is beneath a folder, name by name: no name of it leads up, or through a link to a folder. */
static int open_beneath(const char *folder, const char *rest, int flags)
{
    char **names = g_strsplit(rest, "/", 0);
    int fd = open(*folder ? folder : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    for (char **name = names; *name && fd >= 0; name++) {
        int parent = fd, error;

        if (!**name || !strcmp(*name, ".") || !strcmp(*name, "..")) {
            errno = EACCES;
            fd = -1;
        } else if (name[1]) {
            fd = openat(parent, *name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        } else {
            fd =
                openat(parent, *name,
                       FLAGS_GIVEN | (flags & O_DIRECTORY ? O_DIRECTORY | O_NOFOLLOW : O_NONBLOCK));
        }
        error = errno;
        close(parent);
        errno = error;
    }
    g_strfreev(names);
    if (fd >= 0 && !(flags & O_DIRECTORY) && (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))) {
        close(fd);
        errno = EACCES;
        fd = -1;
    }
    return fd;
}

static int open_allowed(const char *path, int flags)
{
    if (find_place(path))
        return open(path, FLAGS_GIVEN | (flags & FLAGS_TAKEN));
    for (guint i = 0; opener.folders && i < opener.folders->len; i++) {
        const char *folder = g_ptr_array_index(opener.folders, i);
        size_t n = strlen(folder);

        if (!strncmp(path, folder, n) && path[n] == '/')
            return open_beneath(folder, path + n + 1, flags);
    }
    errno = EACCES;
    return -1;
}

/* The regular files behind this one, as far as they can be opened. Returns how many. */
static unsigned open_ahead(size_t place, int *fds, unsigned n_max)
{
    unsigned n = 0;
    struct stat st;

    if (!place || place - 1 != opener.next)
        return 0;
    for (opener.next = place; n < n_max && opener.next < opener.files->len; opener.next++) {
        const char *path = g_ptr_array_index(opener.files, opener.next);

        if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) ||
            (fds[n] = open(path, FLAGS_GIVEN | O_NONBLOCK)) < 0)
            break;
        n++;
    }
    return n;
}

/* Until the reader is gone. */
static void serve(int socket)
{
    static struct request request;
    ssize_t n_read;

    while ((n_read = recv(socket, &request, sizeof request, 0)) > 0 ||
           (n_read < 0 && errno == EINTR)) {
        int fds[N_ANSWER], error = EINVAL;
        unsigned n = 0;
        bool sent;

        if (n_read < 0)
            continue;
        if ((size_t)n_read > offsetof(struct request, path) && !((char *)&request)[n_read - 1]) {
            fds[0] = open_allowed(request.path, request.flags);
            error = fds[0] < 0 ? errno : 0;
            if (fds[0] >= 0)
                n = 1 + open_ahead(find_place(request.path), fds + 1, N_ANSWER - 1);
        }
        sent = imapid_descriptors_send(socket, error, fds, n);
        while (n)
            close(fds[--n]);
        if (!sent)
            break;
    }
}

/* What a program that is executed would not have either: outputs, the sockets to other processes,
 * which wait for their end. */
static void close_own(int but)
{
    for (int fd = 3; fd < N_OWN; fd++) {
        int flags = fcntl(fd, F_GETFD);

        if (fd != but && flags >= 0 && flags & FD_CLOEXEC)
            close(fd);
    }
}

struct server {
    void (*confine)(void);
};

static void begin_serving(void *ctx, int socket)
{
    const struct server *server = ctx;

    close_own(socket);
    server->confine();
    serve(socket);
}

bool imapid_opener_start(void (*confine)(void))
{
    guint n_files = opener.files ? opener.files->len : 0;
    struct server server = {confine};

    opener.ahead = g_new(int, n_files + 1);
    for (guint i = 0; i <= n_files; i++)
        opener.ahead[i] = -1;
    if (imapid_helper_start(&opener.helper, SOCK_SEQPACKET, begin_serving, &server))
        return true;
    imapid_opener_end();
    return false;
}

/* ---- the reader ---- */

/* The descriptor of a place, or -1 with errno. Those that come with it are kept. */
static int receive_answer(size_t place)
{
    int error = 0, fds[N_ANSWER];
    unsigned n = imapid_descriptors_receive(opener.helper.socket, &error, fds);

    for (unsigned i = 1; i < n; i++)
        opener.ahead[place + i] = fds[i];
    if (n)
        return fds[0];
    errno = error ? error : EMFILE; /* where there is none left here, the answer comes without it */
    return -1;
}

static int ask(const char *path, int flags, size_t place)
{
    struct request request = {.flags = flags};
    size_t n = strlen(path) + 1;

    if (n > sizeof request.path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(request.path, path, n);
    if (send(opener.helper.socket, &request, offsetof(struct request, path) + n, MSG_NOSIGNAL) <
        0) {
        errno = EPIPE;
        return -1;
    }
    return receive_answer(place);
}

/* What came ahead, once; what did not is asked for. */
static int take_or_ask(const char *path, int flags)
{
    size_t place = find_place(path);
    int fd = -1;

    g_mutex_lock(&opener.mutex);
    if (place && !(flags & O_DIRECTORY)) {
        fd = opener.ahead[place];
        opener.ahead[place] = -1;
    }
    if (fd < 0)
        fd = ask(path, flags, place);
    g_mutex_unlock(&opener.mutex);
    return fd;
}

int imapid_opener_open(const char *path, int flags)
{
    if (opener.helper.process)
        return take_or_ask(path, flags);
    return open(path, FLAGS_GIVEN | (flags & FLAGS_TAKEN));
}

void imapid_opener_end(void)
{
    imapid_helper_end(&opener.helper);
    for (guint i = 1; opener.ahead && opener.files && i <= opener.files->len; i++)
        if (opener.ahead[i] >= 0)
            close(opener.ahead[i]);
    opener.next = 0;
    g_clear_pointer(&opener.ahead, g_free);
    g_clear_pointer(&opener.places, g_hash_table_destroy);
    g_clear_pointer(&opener.files, g_ptr_array_unref);
    g_clear_pointer(&opener.folders, g_ptr_array_unref);
}
