/* Preloaded into the servers whose ID tells the kernel's release, which is the machine's own affair
 * and differs from one to the next. They are given Debian 12's. */
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

int uname(struct utsname *name)
{
    int result = (int)syscall(SYS_uname, name);

    snprintf(name->release, sizeof(name->release), "6.1.0-41-amd64");
    snprintf(name->version, sizeof(name->version), "#1 SMP PREEMPT_DYNAMIC Debian 6.1.158-1");
    return result;
}
