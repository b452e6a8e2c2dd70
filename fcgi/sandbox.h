/*
 * sandbox.h - what the program gives up once it has started: no shell, no exec (libseccomp's one
 * door).
 *
 * A filter in the kernel, for every thread, for good.  execve and execveat end the process:
 * nobody here calls them, so who does is no longer this program.  Refused with EPERM: other
 * processes (fork; clone without CLONE_THREAD), ptrace and the memory of others, mounts and
 * namespaces, bpf, kernel modules, kexec, other users and groups, the clock, new resource
 * limits, PR_SET_DUMPABLE, memory that is both written and executed, sockets but AF_UNIX,
 * AF_INET, AF_INET6 and AF_NETLINK (getaddrinfo asks it for the interfaces), and every way to
 * write, make, rename or give away a file; unlink stays, for the own socket.  clone3 and openat2
 * hide their flags from a filter, so they are "not implemented" (ENOSYS): the C library then
 * uses clone and openat.
 *
 * What systemd's unit says from outside (web/otprefund.service.in) holds from the first
 * instruction; this one holds without systemd too, and forbids execve, which a unit needs to
 * start the program.
 */
#ifndef OTPREFUND_SANDBOX_H
#define OTPREFUND_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

/* Enters, with every thread there is and will be.  Settings and keys that need more than reading
 * are to be done. False: why says what the kernel refused; go no further.  Built --without-
 * seccomp: only PR_SET_NO_NEW_PRIVS. */
bool sandbox_enter(char *why, size_t size);

/* "seccomp", or "none" in a build without. */
const char *sandbox_kind(void);

#endif
