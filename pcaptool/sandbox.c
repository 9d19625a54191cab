/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sandbox.c: what a process can no longer do. One table says which system calls a role has.
 *
 * A call that is in no row ends the program: with a message where somebody may have forgotten it
 * here, at once where no part of this program means it, as execve(). An error instead of the end
 * would let a library go on without what it wanted, and the answer be another one. So only calls
 * get one that libraries try and can do without. Opening files is such a call: malloc() looks how
 * the kernel gives memory, libpcap for counters of the interface. This program's own files are
 * opened by the opener, and tests/containers/test_sandbox.py knows what else is tried.
 *
 * Refused: going on where the kernel cannot do it. Misuse: entering before all is open; using after
 * it what has to be loaded first (a character set, names of hosts). */
#define _GNU_SOURCE /* setresuid */
#include "sandbox.h"

#include <glib.h>
#include <string.h>

static bool is_disabled;

void imapid_sandbox_disable(void)
{
    is_disabled = true;
}

bool imapid_sandbox_is_disabled(void)
{
    return is_disabled;
}

#ifndef IMAPID_HAS_SANDBOX

bool imapid_sandbox_enter(enum imapid_sandbox_role role, const char *folder, char **message)
{
    (void)role;
    (void)folder;
    (void)message;
    return true;
}

bool imapid_sandbox_forbid_writing(const int *fds, size_t n, char **message)
{
    (void)fds;
    (void)n;
    (void)message;
    return true;
}

bool imapid_sandbox_drop_privileges(bool is_live, char **message)
{
    (void)is_live;
    (void)message;
    return true;
}

char *imapid_sandbox_describe(void)
{
    return g_strdup("none, left out of this build");
}

#else

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <linux/landlock.h>
#include <linux/sockios.h>
#include <pwd.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- system calls ---- */

#define READS (1u << IMAPID_SANDBOX_READER | 1u << IMAPID_SANDBOX_CAPTURER)
#define LIVE  (1u << IMAPID_SANDBOX_CAPTURER)
#define OPENS (1u << IMAPID_SANDBOX_OPENER)
#define KEEPS (1u << IMAPID_SANDBOX_KEEPER)
#define ALL   (READS | OPENS | KEEPS)

static const struct {
    int call;
    unsigned roles; /* bits */
} allowed[] = {
    /* what is open */
    {SCMP_SYS(read), ALL},
    {SCMP_SYS(readv), READS},
    {SCMP_SYS(pread64), READS},
    {SCMP_SYS(write), ALL},
    {SCMP_SYS(writev), READS},
    {SCMP_SYS(pwrite64), READS},
    {SCMP_SYS(lseek), READS},
    {SCMP_SYS(_llseek), READS},
    {SCMP_SYS(fsync), READS | KEEPS},
    {SCMP_SYS(fdatasync), READS},
    {SCMP_SYS(ftruncate), READS},
    {SCMP_SYS(ftruncate64), READS},
    {SCMP_SYS(fallocate), READS},
    {SCMP_SYS(fadvise64), READS},
    {SCMP_SYS(fadvise64_64), READS},
    {SCMP_SYS(flock), READS | KEEPS},
    {SCMP_SYS(getdents64), READS},
    {SCMP_SYS(poll), READS},
    {SCMP_SYS(ppoll), READS},
    {SCMP_SYS(ppoll_time64), READS},
    {SCMP_SYS(close), ALL},
    /* to the other processes of this program, and from interfaces */
    {SCMP_SYS(recvfrom), READS | OPENS},
    {SCMP_SYS(sendmsg), OPENS | KEEPS},
    {SCMP_SYS(recvmsg), READS},
    {SCMP_SYS(getsockopt), LIVE},
    {SCMP_SYS(getsockname), LIVE}, /* an interface that went down: is it still there? */
    {SCMP_SYS(wait4), READS},
    {SCMP_SYS(waitid), READS},
    /* that a file is there, and how large; not what is in it */
    {SCMP_SYS(fstat), ALL},
    {SCMP_SYS(fstat64), ALL},
    {SCMP_SYS(stat), ALL},
    {SCMP_SYS(stat64), ALL},
    {SCMP_SYS(lstat), ALL},
    {SCMP_SYS(lstat64), ALL},
    {SCMP_SYS(newfstatat), ALL},
    {SCMP_SYS(fstatat64), ALL},
    {SCMP_SYS(statx), ALL},
    {SCMP_SYS(fstatfs), READS},
    /* names of files */
    {SCMP_SYS(link), KEEPS},
    {SCMP_SYS(linkat), KEEPS},
    {SCMP_SYS(rename), KEEPS},
    {SCMP_SYS(renameat), KEEPS},
    {SCMP_SYS(renameat2), KEEPS},
    {SCMP_SYS(unlink), KEEPS},
    {SCMP_SYS(unlinkat), KEEPS},
    {SCMP_SYS(fchown), KEEPS},
    {SCMP_SYS(fchown32), KEEPS},
    {SCMP_SYS(fchmod), KEEPS},
    /* memory */
    {SCMP_SYS(brk), ALL},
    {SCMP_SYS(munmap), ALL},
    {SCMP_SYS(mremap), ALL},
    {SCMP_SYS(madvise), ALL},
    /* threads */
    {SCMP_SYS(futex), ALL},
    {SCMP_SYS(futex_time64), ALL},
    {SCMP_SYS(set_robust_list), READS},
    {SCMP_SYS(rseq), READS},
    {SCMP_SYS(membarrier), READS},
    {SCMP_SYS(sched_yield), READS},
    {SCMP_SYS(sched_getaffinity), READS},
    {SCMP_SYS(sched_getattr), READS},
    {SCMP_SYS(sched_setattr), READS},
    {SCMP_SYS(getcpu), READS},
    {SCMP_SYS(gettid), ALL},
    {SCMP_SYS(getpid), ALL},
    {SCMP_SYS(exit), ALL},
    {SCMP_SYS(exit_group), ALL},
    /* signals; sent to this process alone, see add_rules() */
    {SCMP_SYS(rt_sigaction), ALL},
    {SCMP_SYS(rt_sigprocmask), ALL},
    {SCMP_SYS(rt_sigreturn), ALL},
    {SCMP_SYS(sigreturn), ALL},
    {SCMP_SYS(sigaltstack), ALL},
    {SCMP_SYS(restart_syscall), ALL},
    /* time and chance */
    {SCMP_SYS(clock_gettime), ALL},
    {SCMP_SYS(clock_gettime64), ALL},
    {SCMP_SYS(clock_getres), ALL},
    {SCMP_SYS(gettimeofday), ALL},
    {SCMP_SYS(time), ALL},
    {SCMP_SYS(nanosleep), READS},
    {SCMP_SYS(clock_nanosleep), READS},
    {SCMP_SYS(clock_nanosleep_time64), READS},
    {SCMP_SYS(getrandom), ALL},
    {SCMP_SYS(getrusage), READS}, /* libgcrypt stirs it in */
    {SCMP_SYS(times), READS},
    {SCMP_SYS(sysinfo), READS},
    {SCMP_SYS(uname), READS},
    {SCMP_SYS(getuid), READS},
    {SCMP_SYS(geteuid), READS},
};

/* What no part of this program could mean: who calls it has been taken over. */
static const int deadly[] = {
    SCMP_SYS(execve), SCMP_SYS(execveat),          SCMP_SYS(fork),    SCMP_SYS(vfork),
    SCMP_SYS(socket), SCMP_SYS(connect),           SCMP_SYS(bind),    SCMP_SYS(listen),
    SCMP_SYS(accept), SCMP_SYS(accept4),           SCMP_SYS(ptrace),  SCMP_SYS(process_vm_readv),
    SCMP_SYS(mount),  SCMP_SYS(process_vm_writev), SCMP_SYS(unshare), SCMP_SYS(io_uring_setup),
    SCMP_SYS(setuid), SCMP_SYS(setresuid),         SCMP_SYS(chroot),  SCMP_SYS(pidfd_open),
};

/* A rule about one argument of a call. */
struct narrow {
    int call;
    unsigned roles; /* bits */
    uint32_t action;
    struct scmp_arg_cmp argument;
};

#define EQ           SCMP_CMP_EQ
#define NE           SCMP_CMP_NE
#define LT           SCMP_CMP_LT
#define GT           SCMP_CMP_GT
#define MASKED       SCMP_CMP_MASKED_EQ
#define ALLOW        SCMP_ACT_ALLOW
#define ERROR(error) SCMP_ACT_ERRNO(error)
#define CHANGES      (O_ACCMODE | O_CREAT | O_TRUNC)

/* Where both a value and all others have a row, the others get an error: libraries try that, and do
 * without. */
static const struct narrow narrow[] = {
    /* memory that cannot be executed; a compiler of regular expressions then interprets them */
    {SCMP_SYS(mmap), ALL, ALLOW, {2, MASKED, PROT_EXEC, 0}},
    {SCMP_SYS(mmap2), ALL, ALLOW, {2, MASKED, PROT_EXEC, 0}},
    {SCMP_SYS(mprotect), ALL, ALLOW, {2, MASKED, PROT_EXEC, 0}},
    {SCMP_SYS(mmap), ALL, ERROR(EACCES), {2, MASKED, PROT_EXEC, PROT_EXEC}},
    {SCMP_SYS(mmap2), ALL, ERROR(EACCES), {2, MASKED, PROT_EXEC, PROT_EXEC}},
    {SCMP_SYS(mprotect), ALL, ERROR(EACCES), {2, MASKED, PROT_EXEC, PROT_EXEC}},
    /* is it a terminal? */
    {SCMP_SYS(ioctl), ALL, ALLOW, {1, EQ, TCGETS, 0}},
    {SCMP_SYS(ioctl), ALL & ~LIVE, ERROR(ENOTTY), {1, NE, TCGETS, 0}},
    /* whether an interface that went down is up again; what is between the two nobody asks */
    {SCMP_SYS(ioctl), LIVE, ALLOW, {1, EQ, SIOCGIFFLAGS, 0}},
    {SCMP_SYS(ioctl), LIVE, ERROR(ENOTTY), {1, LT, TCGETS, 0}},
    {SCMP_SYS(ioctl), LIVE, ERROR(ENOTTY), {1, GT, SIOCGIFFLAGS, 0}},
    {SCMP_SYS(prctl), ALL, ALLOW, {0, EQ, PR_SET_NAME, 0}},
    {SCMP_SYS(prctl), ALL, ERROR(EPERM), {0, NE, PR_SET_NAME, 0}},
    /* asking for limits, not setting them */
    {SCMP_SYS(prlimit64), ALL, ALLOW, {2, EQ, 0, 0}},
    {SCMP_SYS(prlimit64), ALL, ERROR(EPERM), {2, NE, 0, 0}},
    /* no second descriptor of what is open */
    {SCMP_SYS(fcntl), ALL, ALLOW, {1, EQ, F_GETFD, 0}},
    {SCMP_SYS(fcntl), ALL, ALLOW, {1, EQ, F_SETFD, 0}},
    {SCMP_SYS(fcntl), ALL, ALLOW, {1, EQ, F_GETFL, 0}},
    {SCMP_SYS(fcntl), ALL, ALLOW, {1, EQ, F_SETFL, 0}},
    {SCMP_SYS(fcntl), ALL, ALLOW, {1, EQ, F_GETLK, 0}},
    {SCMP_SYS(fcntl), ALL, ALLOW, {1, EQ, F_SETLK, 0}},
    /* a thread, no process: of clone3() the flags cannot be looked at, and then clone() is called */
    {SCMP_SYS(clone), READS, ALLOW, {0, MASKED, CLONE_THREAD, CLONE_THREAD}},
    /* to who is at the other end, nobody else */
    {SCMP_SYS(sendto), READS, ALLOW, {4, EQ, 0, 0}},
    /* the end of the packets */
    {SCMP_SYS(setsockopt), LIVE, ALLOW, {2, EQ, PACKET_RX_RING, 0}},
    /* to read */
    {SCMP_SYS(open), OPENS | KEEPS, ALLOW, {1, MASKED, CHANGES, O_RDONLY}},
    {SCMP_SYS(openat), OPENS | KEEPS, ALLOW, {2, MASKED, CHANGES, O_RDONLY}},
    /* the next file of a log that is rotated, never one that is there */
    {SCMP_SYS(open), KEEPS, ALLOW, {1, MASKED, O_TMPFILE, O_TMPFILE}},
    {SCMP_SYS(openat), KEEPS, ALLOW, {2, MASKED, O_TMPFILE, O_TMPFILE}},
    {SCMP_SYS(open), KEEPS, ALLOW, {1, MASKED, O_CREAT | O_EXCL, O_CREAT | O_EXCL}},
    {SCMP_SYS(openat), KEEPS, ALLOW, {2, MASKED, O_CREAT | O_EXCL, O_CREAT | O_EXCL}},
};

static int add_rules(scmp_filter_ctx filter, enum imapid_sandbox_role role)
{
    int status = seccomp_rule_add(filter, ERROR(ENOSYS), SCMP_SYS(clone3), 0);

    for (size_t i = 0; i < G_N_ELEMENTS(allowed); i++)
        if (allowed[i].roles & 1u << role)
            status |= seccomp_rule_add(filter, ALLOW, allowed[i].call, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(narrow); i++)
        if (narrow[i].roles & 1u << role)
            status |= seccomp_rule_add_array(filter, narrow[i].action, narrow[i].call, 1,
                                             &narrow[i].argument);
    for (size_t i = 0; i < G_N_ELEMENTS(deadly); i++)
        status |= seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
    status |= seccomp_rule_add(filter, ALLOW, SCMP_SYS(tgkill), 1,
                               SCMP_A0(EQ, (scmp_datum_t)getpid(), 0));
    if (1u << role & READS) {
        status |= seccomp_rule_add(filter, ERROR(EACCES), SCMP_SYS(open), 0);
        status |= seccomp_rule_add(filter, ERROR(EACCES), SCMP_SYS(openat), 0);
    }
    return status;
}

/* Loads and frees a filter. `status`: what became of making it. False with errno. */
static bool load(scmp_filter_ctx filter, int status)
{
    status |= seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    status |= seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    status = status ? -EINVAL /* several errors may be mixed in it */ : seccomp_load(filter);
    seccomp_release(filter);
    errno = -status;
    return status == 0;
}

/* False with errno. */
static bool set_filter(enum imapid_sandbox_role role)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);

    if (filter)
        return load(filter, add_rules(filter, role));
    errno = ENOMEM;
    return false;
}

static bool forbid_writing(const int *fds, size_t n)
{
    static const int writes[] = {SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pwrite64),
                                 SCMP_SYS(sendto)};
    scmp_filter_ctx filter = seccomp_init(ALLOW);
    int status = 0;

    if (!filter) {
        errno = ENOMEM;
        return false;
    }
    for (size_t i = 0; i < n * G_N_ELEMENTS(writes); i++)
        status |=
            seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, writes[i % G_N_ELEMENTS(writes)], 1,
                             SCMP_A0_32(EQ, (scmp_datum_t)fds[i / G_N_ELEMENTS(writes)], 0));
    return load(filter, status);
}

static void put(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return;
}

/* A call that is in no row. Nothing but write() and _exit() may be called here. */
static void on_call(int signal, siginfo_t *info, void *context)
{
    char digits[] = "0000";
    unsigned number = (unsigned)info->si_syscall;

    (void)context;
    for (size_t i = sizeof digits - 1; i-- > 0; number /= 10)
        digits[i] = (char)('0' + number % 10);
    put("imapid: ended: its sandbox has no system call ");
    put(digits);
    put("; please report this; --no-sandbox does without the sandbox\n");
    _exit(128 + signal);
}

static void catch_calls(void)
{
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO};

    sigaction(SIGSYS, &action, NULL);
}

/* ---- files ---- */

/* Headers may be older than the kernel. */
#define FS_TRUNCATE  (UINT64_C(1) << 14) /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */
#define NET_ALL      UINT64_C(3)         /* ABI 4: bind, connect */
#define SCOPE_ALL    UINT64_C(3)         /* ABI 6: abstract sockets, signals */

struct ruleset {
    uint64_t files, net, scope;
};

/* 0: there is none. */
static int get_landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    return abi > 0 ? (int)abi : 0;
}

static long make_ruleset(int abi)
{
    struct ruleset all = {.files = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};

    if (abi >= 2)
        all.files |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        all.files |= FS_TRUNCATE;
    if (abi >= 5)
        all.files |= FS_IOCTL_DEV;
    if (abi >= 4)
        all.net = NET_ALL;
    if (abi >= 6)
        all.scope = SCOPE_ALL;
    return syscall(SYS_landlock_create_ruleset, &all,
                   abi >= 6   ? sizeof all
                   : abi >= 4 ? offsetof(struct ruleset, scope)
                              : offsetof(struct ruleset, net),
                   0);
}

static bool allow_folder(int rules, enum imapid_sandbox_role role, const char *folder)
{
    struct landlock_path_beneath_attr beneath = {.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE |
                                                                   LANDLOCK_ACCESS_FS_READ_DIR,
                                                 .parent_fd = open(folder, O_PATH | O_CLOEXEC)};
    long status;

    if (role == IMAPID_SANDBOX_KEEPER)
        beneath.allowed_access |= LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                  LANDLOCK_ACCESS_FS_WRITE_FILE;
    if (beneath.parent_fd < 0)
        return false;
    status = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
    close(beneath.parent_fd);
    return status == 0;
}

/* False with errno; a kernel without Landlock is no failure. */
static bool lock_files(enum imapid_sandbox_role role, const char *folder)
{
    int abi = get_landlock_abi();
    long rules;
    bool good;

    if (!abi)
        return true;
    rules = make_ruleset(abi);
    if (rules < 0)
        return false;
    good = (!folder || allow_folder((int)rules, role, folder)) &&
           syscall(SYS_landlock_restrict_self, rules, 0) == 0;
    close((int)rules);
    return good;
}

/* ---- what is prepared ---- */

/* Linux has fewer. */
#define N_ERRORS     134

/* What is kept, so that it stays loaded. */
static struct {
    GIConv to, from;
    const char *error;
} warm;

/* Messages of errors, the character set of the terminal, random numbers: GLib and libc read files for
 * them when they are first needed. */
static void warm_up(void)
{
    const char *charset;

    g_random_int();
    if (!g_get_charset(&charset)) {
        warm.to = g_iconv_open(charset, "UTF-8");
        warm.from = g_iconv_open("UTF-8", charset);
    }
    for (int error = 1; error < N_ERRORS; error++)
        warm.error = g_strerror(error);
}

static bool give_up_new_privileges(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* Returns `done`; with errno where that is false. */
static bool tell(bool done, char **message)
{
    if (!done)
        *message = g_strdup_printf("the sandbox cannot be set up: %s; --no-sandbox does without it",
                                   g_strerror(errno));
    return done;
}

bool imapid_sandbox_forbid_writing(const int *fds, size_t n, char **message)
{
    return is_disabled || tell(give_up_new_privileges() && forbid_writing(fds, n), message);
}

bool imapid_sandbox_enter(enum imapid_sandbox_role role, const char *folder, char **message)
{
    if (is_disabled)
        return true;
    warm_up();
    catch_calls();
    return tell(give_up_new_privileges() && lock_files(role, folder) && set_filter(role), message);
}

/* ---- privileges ---- */

struct user {
    uid_t id;
    gid_t group;
};

/* 0: there is no such number, or it is root's. */
static unsigned read_id(const char *variable)
{
    const char *text = g_getenv(variable);
    guint64 id = 0;

    return text && g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT32, &id, NULL) ? (unsigned)id
                                                                                  : 0;
}

static struct user find_user(void)
{
    const struct passwd *nobody = getpwnam("nobody");
    struct user user = {read_id("SUDO_UID"), read_id("SUDO_GID")};

    if (user.id && user.group)
        return user;
    user = (struct user){65534, 65534};
    if (nobody)
        user = (struct user){nobody->pw_uid, nobody->pw_gid};
    return user;
}

/* EINVAL, EPERM: there is nobody else here to become, as in a user namespace where root is none, or a
 * container; then there are the capabilities to give up. */
static bool become(struct user user)
{
    if (setgroups(0, NULL) != 0 && errno != EPERM)
        return false;
    if (setresgid(user.group, user.group, user.group) != 0 ||
        setresuid(user.id, user.id, user.id) != 0)
        return errno == EINVAL || errno == EPERM;
    return true;
}

static bool drop_capabilities(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return syscall(SYS_capset, &head, none) == 0;
}

bool imapid_sandbox_drop_privileges(bool is_live, char **message)
{
    if (is_disabled)
        return true;
    if ((!is_live || geteuid() != 0 || become(find_user())) && drop_capabilities())
        return true;
    *message = g_strdup_printf("privileges cannot be given up: %s; --no-sandbox keeps them",
                               g_strerror(errno));
    return false;
}

char *imapid_sandbox_describe(void)
{
    int abi = get_landlock_abi();

    return abi ? g_strdup_printf("seccomp, Landlock %d", abi)
               : g_strdup("seccomp, no Landlock in this kernel");
}

#endif
