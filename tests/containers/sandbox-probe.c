/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sandbox-probe ROLE ATTEMPT FILE: enters the sandbox and tries what somebody would who had taken the
 * process over. 0: it was done; 1: it was refused, with the reason on standard output; else it was the
 * end. With the role "none" there is no sandbox: what is tried can be done. */
#define _GNU_SOURCE /* clone, accept4 */
#include "opener.h"
#include "sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *file;
static int pair[2]; /* a socket, from before */

static long try_open(void)
{
    return open(file, O_RDONLY);
}

static long try_write_open(void)
{
    return open(file, O_WRONLY);
}

static long try_create(void)
{
    char path[4096];

    snprintf(path, sizeof path, "%s.new", file);
    return open(path, O_WRONLY | O_CREAT, 0600);
}

static long try_create_to_read(void)
{
    char path[4096];

    snprintf(path, sizeof path, "%s.new", file);
    return open(path, O_RDONLY | O_CREAT, 0600);
}

static long try_openat2(void)
{
    struct {
        unsigned long long flags, mode, resolve;
    } how = {O_RDONLY, 0, 0};

    return syscall(SYS_openat2, AT_FDCWD, file, &how, sizeof how);
}

static long try_exec(void)
{
    return execl("/bin/true", "true", (char *)NULL);
}

static long try_fork(void)
{
    return fork();
}

static long try_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}

static long try_connect(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};

    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    return connect(pair[0], (struct sockaddr *)&to, sizeof to) == 0 || errno != EACCES ? 0 : -1;
}

static long try_send_elsewhere(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};

    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    return sendto(pair[0], "x", 1, MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof to) == 1 ||
                   errno == EISCONN
               ? 0
               : -1;
}

static long try_ptrace(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long try_execute_memory(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? -1
               : 0;
}

static long try_unlink(void)
{
    return unlink(file);
}

static long try_rename(void)
{
    return rename(file, file);
}

static long try_chmod(void)
{
    return chmod(file, 0600);
}

static long try_kill(void)
{
    return kill(getppid(), 0);
}

static long try_memory_of_another(void)
{
    char octet;
    struct iovec here = {&octet, 1}, there = {&octet, 1};

    return process_vm_readv(getpid(), &here, 1, &there, 1, 0);
}

static long try_duplicate(void)
{
    return fcntl(0, F_DUPFD, 10);
}

static long try_ioctl(void)
{
    int n;

    return ioctl(pair[0], FIONREAD, &n);
}

static long try_write(void)
{
    return write(pair[0], "x", 1);
}

static const struct {
    const char *name;
    long (*fn)(void);
} attempts[] = {
    {"open", try_open},
    {"open-to-write", try_write_open},
    {"create", try_create},
    {"create-to-read", try_create_to_read},
    {"openat2", try_openat2},
    {"exec", try_exec},
    {"fork", try_fork},
    {"socket", try_socket},
    {"connect", try_connect},
    {"send-elsewhere", try_send_elsewhere},
    {"ptrace", try_ptrace},
    {"execute-memory", try_execute_memory},
    {"unlink", try_unlink},
    {"rename", try_rename},
    {"chmod", try_chmod},
    {"kill", try_kill},
    {"memory-of-another", try_memory_of_another},
    {"duplicate", try_duplicate},
    {"ioctl", try_ioctl},
    {"write", try_write},
};

static void confine_opener(void)
{
    char *message = NULL;

    if (!imapid_sandbox_enter(IMAPID_SANDBOX_OPENER, "/", &message))
        _exit(9);
}

/* ATTEMPT is a path to ask the opener for; FILE was allowed, or is a folder that was. */
static int ask(const char *wanted)
{
    struct stat st;
    char *message = NULL;
    int fd;

    if (stat(file, &st) == 0 && S_ISDIR(st.st_mode))
        imapid_opener_allow_folder(file);
    else
        imapid_opener_allow(file, false);
    if (!imapid_opener_start(confine_opener) ||
        !imapid_sandbox_enter(IMAPID_SANDBOX_READER, NULL, &message))
        return 9;
    fd = imapid_opener_open(wanted, 0);
    if (fd < 0)
        printf("%s\n", strerror(errno));
    else if (fcntl(fd, F_GETFL) & (O_WRONLY | O_RDWR))
        return 9;
    imapid_opener_end();
    return fd < 0;
}

int main(int argc, char **argv)
{
    static const char *const roles[] = {"reader", "capturer", "opener", "keeper"};
    char *message = NULL;

    if (argc != 4)
        return 9;
    file = argv[3];
    if (!strcmp(argv[1], "ask"))
        return ask(argv[2]);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
        return 9;
    if (!strcmp(argv[2], "write") && !imapid_sandbox_forbid_writing(pair, 1, &message))
        return 9;
    for (int i = 0; i < IMAPID_SANDBOX_N_ROLES; i++)
        if (!strcmp(argv[1], roles[i]) &&
            !imapid_sandbox_enter((enum imapid_sandbox_role)i,
                                  i == IMAPID_SANDBOX_KEEPER ? "/proc" : NULL, &message)) {
            fprintf(stderr, "%s\n", message);
            return 9;
        }
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++)
        if (!strcmp(argv[2], attempts[i].name)) {
            if (attempts[i].fn() >= 0)
                return 0;
            puts(strerror(errno));
            return 1;
        }
    return 9;
}
