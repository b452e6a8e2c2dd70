/* sandbox.c - no shell, no exec: the system calls that the program gives up. */
#include "fcgi/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#ifdef OTPREFUND_SECCOMP
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define KILL    SCMP_ACT_KILL_PROCESS
#define REFUSE  SCMP_ACT_ERRNO(EPERM)
#define MISSING SCMP_ACT_ERRNO(ENOSYS)

/* Refused whatever their arguments.  A name that this machine does not have is passed over. */
static const char *const never[] = {
    /* other processes, and their memory */
    "fork",
    "vfork",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "pidfd_getfd",
    "kcmp",
    "perf_event_open",
    "userfaultfd",
    /* other roots, mounts and namespaces */
    "mount",
    "umount",
    "umount2",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsmount",
    "fspick",
    "fsconfig",
    "mount_setattr",
    "pivot_root",
    "chroot",
    "unshare",
    "setns",
    "name_to_handle_at",
    "open_by_handle_at",
    "fanotify_init",
    "quotactl",
    "quotactl_fd",
    "swapon",
    "swapoff",
    /* the kernel */
    "bpf",
    "init_module",
    "finit_module",
    "delete_module",
    "create_module",
    "kexec_load",
    "kexec_file_load",
    "reboot",
    "syslog",
    "acct",
    "iopl",
    "ioperm",
    "modify_ldt",
    "personality",
    "vhangup",
    "sethostname",
    "setdomainname",
    "add_key",
    "request_key",
    "keyctl",
    "lookup_dcookie",
    "nfsservctl",
    "_sysctl",
    "uselib",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "landlock_add_rule",
    /* the clock */
    "settimeofday",
    "stime",
    "clock_settime",
    "clock_settime64",
    "adjtimex",
    "clock_adjtime",
    "clock_adjtime64",
    /* other users, more rights, more resources */
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setgroups",
    "setfsuid",
    "setfsgid",
    "setuid32",
    "setgid32",
    "setreuid32",
    "setregid32",
    "setresuid32",
    "setresgid32",
    "setgroups32",
    "setfsuid32",
    "setfsgid32",
    "capset",
    "setrlimit",
    /* files: reading is what is left */
    "creat",
    "truncate",
    "truncate64",
    "fallocate",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "mkdir",
    "mkdirat",
    "rmdir",
    "mknod",
    "mknodat",
    "chmod",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "chown",
    "fchown",
    "lchown",
    "fchownat",
    "chown32",
    "fchown32",
    "lchown32",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
    "utime",
    "utimes",
    "futimesat",
    "utimensat",
    "memfd_create",
    "memfd_secret",
};

#define BITS(argument, mask, value)                                                                \
    { (argument), SCMP_CMP_MASKED_EQ, (scmp_datum_t)(mask), (scmp_datum_t)(value) }
#define IS(argument, value)                                                                        \
    { (argument), SCMP_CMP_EQ, (scmp_datum_t)(value), 0 }
#define IS_NOT(argument, value)                                                                    \
    { (argument), SCMP_CMP_NE, (scmp_datum_t)(value), 0 }
#define FROM(argument, value)                                                                      \
    { (argument), SCMP_CMP_GE, (scmp_datum_t)(value), 0 }

/* Refused with these arguments. */
static const struct {
    const char *call;
    struct scmp_arg_cmp with;
} never_with[] = {
    {"clone", BITS(0, CLONE_THREAD, 0)},
    {"open", BITS(1, O_ACCMODE, O_WRONLY)},
    {"open", BITS(1, O_ACCMODE, O_RDWR)},
    {"open", BITS(1, O_CREAT, O_CREAT)},
    {"open", BITS(1, O_TRUNC, O_TRUNC)},
    {"openat", BITS(2, O_ACCMODE, O_WRONLY)},
    {"openat", BITS(2, O_ACCMODE, O_RDWR)},
    {"openat", BITS(2, O_CREAT, O_CREAT)},
    {"openat", BITS(2, O_TRUNC, O_TRUNC)},
    {"mmap", BITS(2, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC)},
    {"mprotect", BITS(2, PROT_EXEC, PROT_EXEC)},
    {"pkey_mprotect", BITS(2, PROT_EXEC, PROT_EXEC)},
    {"prctl", IS(0, PR_SET_DUMPABLE)},
    {"prlimit64", IS_NOT(2, 0)},
    {"socket", FROM(0, AF_NETLINK + 1)},
};

static int rule(scmp_filter_ctx f, uint32_t action, const char *call,
                const struct scmp_arg_cmp *with) {
    int number = seccomp_syscall_resolve_name(call);
    if (number == __NR_SCMP_ERROR)
        return 0;
    int error = seccomp_rule_add_array(f, action, number, with ? 1 : 0, with);
    return error == -EDOM ? 0 : error; /* not on this machine */
}

static int rules(scmp_filter_ctx f) {
    int error = rule(f, KILL, "execve", NULL);
    if (!error)
        error = rule(f, KILL, "execveat", NULL);
    if (!error)
        error = rule(f, MISSING, "clone3", NULL);
    if (!error)
        error = rule(f, MISSING, "openat2", NULL);
    for (size_t i = 0; !error && i < sizeof(never) / sizeof(never[0]); i++)
        error = rule(f, REFUSE, never[i], NULL);
    for (size_t i = 0; !error && i < sizeof(never_with) / sizeof(never_with[0]); i++)
        error = rule(f, REFUSE, never_with[i].call, &never_with[i].with);
    for (int family = 0; !error && family < AF_NETLINK; family++) {
        const struct scmp_arg_cmp with = IS(0, family);
        if (family != AF_UNIX && family != AF_INET && family != AF_INET6)
            error = rule(f, REFUSE, "socket", &with);
    }
    return error;
}

bool sandbox_enter(char *why, size_t size) {
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
    int error = f ? 0 : -ENOMEM;
    if (!error)
        error = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
    if (!error)
        error = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, KILL);
    if (!error)
        error = rules(f);
    if (!error)
        error = seccomp_load(f); /* and PR_SET_NO_NEW_PRIVS */
    if (f)
        seccomp_release(f);
    if (error)
        (void)snprintf(why, size,
                       "seccomp: %s (a kernel without it needs a build --without-seccomp)",
                       strerror(-error));
    return error == 0;
}

const char *sandbox_kind(void) {
    return "seccomp";
}

#else

bool sandbox_enter(char *why, size_t size) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        return true;
    (void)snprintf(why, size, "no_new_privs: %s", strerror(errno));
    return false;
}

const char *sandbox_kind(void) {
    return "none";
}

#endif
