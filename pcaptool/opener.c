/* SPDX-License-Identifier: GPL-2.0-or-later */
/* opener.c: a process that opens files for the one that may not.
 *
 *     reader: path, flags -> socket -> opener: was that allowed? open() -> descriptor -> reader
 *
 * The opener is a copy of the reader from before it read anything, so that it knows what was allowed
 * without being told, and a path means the same to both: it has the same working folder, and the
 * descriptors that /dev/stdin and /dev/fd name. It takes one request at a time. What it refuses:
 * paths that were not allowed, letter for letter, and beneath a folder whatever would lead out of it.
 * It believes nothing that a request says but that.
 *
 * Misuse: allowing more once the opener runs; it does not hear of it. */
#define _GNU_SOURCE /* O_PATH */
#include "opener.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FLAGS_TAKEN (O_NONBLOCK | O_DIRECTORY)
#define FLAGS_GIVEN (O_RDONLY | O_CLOEXEC | O_NOCTTY)

/* Descriptors of this program have lower numbers: few are open when the opener starts. */
#define N_OWN 256

struct request {
    int flags;
    char path[PATH_MAX];
};

static struct {
    GMutex mutex;       /* one request at a time */
    GHashTable *files;  /* allowed; NULL: none */
    GPtrArray *folders; /* without a slash at the end */
    int socket;         /* to the opener, where there is a process */
    pid_t process;      /* 0: none was started */
} opener = {.socket = -1};

void imapid_opener_allow(const char *path)
{
    if (!opener.files)
        opener.files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_hash_table_add(opener.files, g_strdup(path));
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
    if (opener.files && g_hash_table_contains(opener.files, path))
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

/* Room for one descriptor beside a message. */
union beside {
    struct cmsghdr head;
    char octets[CMSG_SPACE(sizeof(int))];
};

static bool send_answer(int socket, int fd, int error)
{
    struct iovec octets = {&error, sizeof error};
    union beside beside = {.octets = {0}};
    struct msghdr message = {.msg_iov = &octets, .msg_iovlen = 1};

    if (fd >= 0) {
        message.msg_control = beside.octets;
        message.msg_controllen = sizeof beside.octets;
        beside.head = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&beside.head), &fd, sizeof fd);
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)sizeof error;
}

/* Until the reader is gone. */
static void serve(int socket)
{
    static struct request request;
    ssize_t n;

    while ((n = recv(socket, &request, sizeof request, 0)) > 0 || (n < 0 && errno == EINTR)) {
        int fd = -1, error = EINVAL;
        bool sent;

        if (n < 0)
            continue;
        if ((size_t)n > offsetof(struct request, path) && !((char *)&request)[n - 1]) {
            fd = open_allowed(request.path, request.flags);
            error = fd < 0 ? errno : 0;
        }
        sent = send_answer(socket, fd, error);
        if (fd >= 0)
            close(fd);
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

bool imapid_opener_start(void (*confine)(void))
{
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    opener.process = fork();
    if (opener.process == 0) {
        /* Signals are for the one who reads, and this one ends with it. */
        (void)signal(SIGINT, SIG_IGN);
        (void)signal(SIGTERM, SIG_IGN);
        (void)signal(SIGHUP, SIG_IGN);
        close_own(ends[1]);
        confine();
        serve(ends[1]);
        _exit(0);
    }
    close(ends[1]);
    opener.socket = ends[0];
    if (opener.process > 0)
        return true;
    imapid_opener_end();
    return false;
}

/* ---- the reader ---- */

/* The descriptor, or -1 with errno. */
static int receive_answer(void)
{
    int error = 0, fd = -1;
    struct iovec octets = {&error, sizeof error};
    union beside beside;
    struct msghdr message = {.msg_iov = &octets,
                             .msg_iovlen = 1,
                             .msg_control = beside.octets,
                             .msg_controllen = sizeof beside.octets};
    const struct cmsghdr *head;
    ssize_t n;

    do
        n = recvmsg(opener.socket, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    head = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (head && head->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(head), sizeof fd);
    if (fd < 0) /* where there is none left here, the answer comes without it */
        errno = n != sizeof error ? EPIPE : error ? error : EMFILE;
    return fd;
}

static int ask(const char *path, int flags)
{
    struct request request = {.flags = flags};
    size_t n = strlen(path) + 1;
    int fd = -1;

    if (n > sizeof request.path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(request.path, path, n);
    g_mutex_lock(&opener.mutex);
    if (send(opener.socket, &request, offsetof(struct request, path) + n, MSG_NOSIGNAL) < 0)
        errno = EPIPE;
    else
        fd = receive_answer();
    g_mutex_unlock(&opener.mutex);
    return fd;
}

int imapid_opener_open(const char *path, int flags)
{
    if (opener.process)
        return ask(path, flags);
    return open(path, FLAGS_GIVEN | (flags & FLAGS_TAKEN));
}

void imapid_opener_end(void)
{
    if (opener.socket >= 0)
        close(opener.socket);
    if (opener.process > 0)
        while (waitpid(opener.process, NULL, 0) < 0 && errno == EINTR)
            ;
    opener.socket = -1;
    g_clear_pointer(&opener.files, g_hash_table_destroy);
    g_clear_pointer(&opener.folders, g_ptr_array_unref);
}
