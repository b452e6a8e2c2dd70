/* secret.c - OTP and keys: bounded, wiped, compared in constant time. */
#include "core/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool secret_set(struct secret *s, const char *text, size_t size) {
    explicit_bzero(s, sizeof *s);
    if (!size)
        return true;
    if (!text || size > SECRET_MAX || memchr(text, '\0', size))
        return false;
    memcpy(s->bytes, text, size);
    s->size = size;
    return true;
}

void secret_wipe(struct secret *s) {
    if (s)
        explicit_bzero(s, sizeof *s);
}

bool secret_bytes_equal(const void *a, const void *b, size_t size) {
    return CRYPTO_memcmp(a, b, size) == 0;
}

bool secret_equal(const struct secret *a, const struct secret *b) {
    return a->size == b->size && secret_bytes_equal(a->bytes, b->bytes, a->size);
}

/* Reads at most size bytes; -1 on error. */
static ssize_t read_start(int fd, char *to, size_t size) {
    size_t got = 0;
    while (got < size) {
        ssize_t n = read(fd, to + got, size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

/* Keys travel in HTTP headers: a control character can only be a mistake, or worse. */
static bool has_control(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return true;
    return false;
}

/* What is wrong with the first line of the size bytes read, or NULL and its length. */
static const char *first_line(const char *text, size_t size, size_t *length) {
    const char *end = memchr(text, '\n', size);
    *length = end ? (size_t)(end - text) : size;
    if (*length && text[*length - 1] == '\r')
        --*length;
    if (*length == 0)
        return "the first line is empty: write the key there";
    if (*length > SECRET_MAX)
        return "the first line is longer than 256 bytes: is it the right file?";
    if (has_control(text, *length))
        return "the key holds a control character: is it the right file?";
    return NULL;
}

static const char *check_file(int fd) {
    struct stat st;
    if (fstat(fd, &st) != 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode))
        return "not a regular file";
    if (st.st_mode & 007)
        return "others may read or change it: chmod o= the file";
    return NULL;
}

bool secret_read_file(struct secret *s, const char *path, char *why, size_t why_size) {
    char text[SECRET_MAX + 3]; /* one byte over, and a line end of two */
    const char *wrong;
    size_t length = 0;
    secret_wipe(s);
    if (!path || !*path) {
        snprintf(why, why_size, "no key file is named");
        return false;
    }
    /* O_NONBLOCK: a FIFO must not hang the start; it is refused as not regular. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        snprintf(why, why_size, "%s: %s", path, strerror(errno));
        return false;
    }
    wrong = check_file(fd);
    if (!wrong) {
        ssize_t size = read_start(fd, text, sizeof text);
        wrong = size < 0 ? strerror(errno) : first_line(text, (size_t)size, &length);
    }
    close(fd);
    if (wrong)
        snprintf(why, why_size, "%s: %s", path, wrong);
    else
        secret_set(s, text, length);
    explicit_bzero(text, sizeof text);
    return !wrong;
}

bool secret_read_own(struct secret *s, const char *path, char *why, size_t why_size) {
    if (!secret_read_file(s, path, why, why_size))
        return false;
    if (s->size >= SECRET_OWN_MIN)
        return true;
    secret_wipe(s);
    snprintf(why, why_size, "%s: shorter than %d bytes: make a new one with openssl rand -base64 33",
             path, SECRET_OWN_MIN);
    return false;
}
