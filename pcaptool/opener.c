/* SPDX-License-Identifier: GPL-2.0-or-later */
/* opener.c: a process that opens files for the one that may not.
 *
 *     reader: path, flags -> socket -> opener: was that allowed? open() -> descriptor -> reader
 *
 * The opener is a copy of the reader from before it read anything, so that it knows what was allowed
 * without being told, and a path means the same to both: it has the same working folder, and the
 * descriptors that /dev/stdin and /dev/fd name. It takes one request at a time. Regular files are
 * mostly asked for in the order in which they were allowed, so with one it sends those behind it: to
 * wait for each would cost as much as to read a small one. When half of them are taken, the reader asks
 * for the next ones, and goes on meanwhile. What it refuses: paths that were not allowed, letter for
 * letter, and beneath a folder whatever would lead out of it. It believes nothing that a request says
 * but that.
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
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLAGS_TAKEN (O_NONBLOCK | O_DIRECTORY)
#define FLAGS_GIVEN (O_RDONLY | O_CLOEXEC | O_NOCTTY)

/* Descriptors of this program have lower numbers: few are open when the opener starts. */
#define N_OWN 256

/* Descriptors of an answer: the one asked for, and those ahead. When so many are left of these, the next are asked for. */
#define N_ANSWER IMAPID_DESCRIPTORS_MAX
#define N_LEFT   (N_ANSWER / 2)

struct request {
    int flags;
    uint8_t is_ahead; /* not 0: regular files alone, from this one on; else this one in any case */
    char path[PATH_MAX];
};

struct file {
    char *path;
    bool is_regular; /* as its folder said */
};

/* Places are those of `files`, from 1. */
static struct {
    GMutex mutex;       /* of all that is the reader's */
    GArray *files;      /* struct file, allowed, in that order; NULL: none */
    GHashTable *places; /* of each path */
    GPtrArray *folders; /* without a slash at the end */
    struct imapid_helper helper;
    int *ahead;   /* the reader's: by place, came before it was asked for; -1: did not */
    size_t end;   /* the reader's: behind the last place that came ahead */
    size_t asked; /* the reader's: the first place that is to come ahead; 0: no answer is awaited */
    size_t next;  /* the opener's: the first place that it has not looked at */
} opener = {.helper = {.socket = -1}};

static guint count_files(void)
{
    return opener.files ? opener.files->len : 0;
}

static const struct file *get_file(size_t place)
{
    return &g_array_index(opener.files, struct file, place - 1);
}

static void clear_file(void *data)
{
    g_free(((struct file *)data)->path);
}

void imapid_opener_allow(const char *path, bool is_regular)
{
    struct file file = {.is_regular = is_regular};

    if (!opener.files) {
        opener.files = g_array_new(FALSE, FALSE, sizeof file);
        g_array_set_clear_func(opener.files, clear_file);
        opener.places = g_hash_table_new(g_str_hash, g_str_equal);
    }
    if (g_hash_table_contains(opener.places, path))
        return;
    file.path = g_strdup(path);
    g_array_append_val(opener.files, file);
    g_hash_table_insert(opener.places, file.path, GSIZE_TO_POINTER(opener.files->len));
}

/* 0: it is not there. */
static size_t find_place(const char *path)
{
    return opener.places ? GPOINTER_TO_SIZE(g_hash_table_lookup(opener.places, path)) : 0;
}

void imapid_opener_allow_folder(const char *path)
{
    size_t n = strlen(path);

    imapid_opener_allow(path, false);
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

static bool is_regular(const struct file *file)
{
    struct stat st;

    return file->is_regular || (stat(file->path, &st) == 0 && S_ISREG(st.st_mode));
}

/* The regular files from a place on, as far as they can be opened. Returns how many. */
static unsigned open_ahead(size_t place, int *fds, unsigned n_max)
{
    unsigned n = 0;

    if (!place || place < opener.next)
        return 0;
    for (; n < n_max && place + n <= count_files(); n++) {
        const struct file *file = get_file(place + n);

        if (!is_regular(file) || (fds[n] = open(file->path, FLAGS_GIVEN | O_NONBLOCK)) < 0)
            break;
    }
    opener.next = place + n;
    return n;
}

/* What is asked for, and what is ahead of it. Returns how many, or 0 with *error. */
static unsigned open_all(const struct request *request, int *fds, int *error)
{
    size_t place = find_place(request->path);

    *error = 0;
    if (request->is_ahead)
        return open_ahead(place, fds, N_ANSWER);
    fds[0] = open_allowed(request->path, request->flags);
    if (fds[0] >= 0)
        return 1 + open_ahead(place ? place + 1 : 0, fds + 1, N_ANSWER - 1);
    *error = errno;
    return 0;
}

/* So many descriptors may be under way, of all that this user's processes send. Where there are more, the one that is
 * waited for goes alone, or none does, and the reader hears why. */
static bool answer(int socket, int error, const int *fds, unsigned n)
{
    return imapid_descriptors_send(socket, error, fds, n) ||
           (errno == ETOOMANYREFS && (imapid_descriptors_send(socket, error, fds, 1) ||
                                      imapid_descriptors_send(socket, ETOOMANYREFS, NULL, 0)));
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
        if ((size_t)n_read > offsetof(struct request, path) && !((char *)&request)[n_read - 1])
            n = open_all(&request, fds, &error);
        sent = answer(socket, error, fds, n);
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
    guint n_files = count_files();
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

/* False with errno. */
static bool ask(const char *path, int flags, bool is_ahead)
{
    struct request request = {.flags = flags, .is_ahead = is_ahead};
    size_t n = strlen(path) + 1;

    if (n > sizeof request.path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(request.path, path, n);
    if (send(opener.helper.socket, &request, offsetof(struct request, path) + n, MSG_NOSIGNAL) >= 0)
        return true;
    errno = EPIPE;
    return false;
}

static void keep(size_t place, const int *fds, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        opener.ahead[place + i] = fds[i];
    opener.end = place + n;
}

/* The descriptor of a place, or -1 with errno. Those that come with it are kept. */
static int receive_answer(size_t place)
{
    int error = 0, fds[N_ANSWER];
    unsigned n = imapid_descriptors_receive(opener.helper.socket, true, &error, fds);

    if (n > 1)
        keep(place + 1, fds + 1, n - 1);
    if (n)
        return fds[0];
    errno = error ? error : EMFILE; /* where there is none left here, the answer comes without it */
    return -1;
}

/* What was asked for ahead, if it has come. What is under way counts for all processes of this user. */
static void receive_ahead(bool waits)
{
    int error = 0, fds[N_ANSWER];
    unsigned n;

    if (!opener.asked)
        return;
    n = imapid_descriptors_receive(opener.helper.socket, waits, &error, fds);
    if (error == EAGAIN)
        return;
    keep(opener.asked, fds, n);
    opener.asked = 0;
}

/* Where nothing comes there is something that has to be asked for alone. */
static void ask_ahead(size_t place)
{
    if (opener.asked || opener.end != place + N_LEFT || opener.end > count_files())
        return;
    if (ask(get_file(opener.end)->path, O_NONBLOCK, true))
        opener.asked = opener.end;
}

/* What came ahead, once, or -1. */
static int take(size_t place)
{
    int fd = opener.ahead[place];

    opener.ahead[place] = -1;
    return fd;
}

/* What did not come ahead is asked for. */
static int take_or_ask(const char *path, int flags)
{
    size_t place = find_place(path);
    bool may_come = place && !(flags & O_DIRECTORY);
    int fd = -1;

    g_mutex_lock(&opener.mutex);
    receive_ahead(!may_come || opener.ahead[place] < 0);
    if (may_come)
        fd = take(place);
    if (fd < 0 && ask(path, flags, false))
        fd = receive_answer(place);
    if (may_come)
        ask_ahead(place);
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
    receive_ahead(true);
    imapid_helper_end(&opener.helper);
    for (guint i = 1; opener.ahead && i <= count_files(); i++)
        if (opener.ahead[i] >= 0)
            close(opener.ahead[i]);
    opener.next = opener.end = opener.asked = 0;
    g_clear_pointer(&opener.ahead, g_free);
    g_clear_pointer(&opener.places, g_hash_table_destroy);
    g_clear_pointer(&opener.files, g_array_unref);
    g_clear_pointer(&opener.folders, g_ptr_array_unref);
}
