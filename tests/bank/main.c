/*
 * main.c - the simulated bank: a stand-in for Eko's refund API that misbehaves on order.
 *
 * Usage: bank --port N --control-port M --dir DIR [OPTION]...
 *
 *   https://127.0.0.1:N/ekoapi/v3 and https://127.0.0.1:N/ekoapi/v2 are its two base URLs;
 *   DIR/ca.pem is the certificate of its throw-away CA, new at every start;
 *   http://127.0.0.1:M is its control port (phone, book, faults: see README.md);
 *   DIR/bank.ready and the line "ready" on stdout appear when it accepts connections.
 *
 * It listens on 127.0.0.1 only, keeps everything in memory, and ends on SIGTERM or SIGINT.
 * `bank --help` lists the options.  Exit status: 0 stopped in order, 1 could not start, 2 usage.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bank/bank.h"
#include "tests/bank/tls.h"

#define SPARE_FDS 200u       /* of the limit of descriptors: all that are not calls */
#define MOST_CALLS 32768u
#define BACKLOG 4096
#define DEFAULT_DEVELOPER_KEY "fake-developer-key-of-the-simulated-bank"
#define DEFAULT_ACCESS_KEY "fake-access-key-of-the-simulated-bank"

static const char help_text[] =
    "Usage: bank --port N --control-port M --dir DIR [OPTION]...\n"
    "A simulated bank: speaks Eko's refund API v2 and v3 on 127.0.0.1.\n"
    "\n"
    "  --port N                  the bank's port; 0: any free one\n"
    "  --control-port M          the control port (plain HTTP); 0: any free one\n"
    "  --dir DIR                 where ca.pem and bank.ready are written\n"
    "  --plain                   HTTP instead of HTTPS\n"
    "  --developer-key-file F    expected developer_key (default: a fake one)\n"
    "  --access-key-file F       access key that signs secret-key (default: a fake one)\n"
    "  --initiator-id ID         expected initiator_id (default 9000000001)\n"
    "  --user-code A,B,...       accepted user_codes (default 20110001)\n"
    "  --callback-url URL        http://... for the callbacks of TIDs ending in 96\n"
    "  --latency-ms N            delay of every answer (default 0)\n"
    "  --slow-ms N               delay of TIDs ending in 95 (default 30000)\n"
    "  --skew-ms N               how far a caller's clock may be off (default 300000)\n"
    "  --uat                     Get Refund OTP tells the OTP, as Eko's UAT does\n"
    "  --any-otp                 every OTP is right, texted or not (for benches)\n"
    "  --mixed                   Initiate answers R2 where the digit before the last two is 7-9\n"
    "  --threads N               threads that serve calls, 1 to 8 (default 2)\n"
    "  --help                    this text\n";

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void complain(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("bank: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

static bool read_number(const char *name, const char *text, int64_t max, int64_t *to)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < 0 || value > max) {
        complain("--%s: a number from 0 to %" PRId64 " is needed, not '%s'", name, max, text);
        return false;
    }
    *to = value;
    return true;
}

/* A key file holds the key on its first line. */
static bool read_key(const char *path, const char *fallback, char key[BANK_KEY_SIZE])
{
    FILE *file;
    size_t n;

    if (path == NULL) {
        snprintf(key, BANK_KEY_SIZE, "%s", fallback);
        return true;
    }
    file = fopen(path, "re");
    if (file == NULL) {
        complain("%s: %s", path, strerror(errno));
        return false;
    }
    n = fread(key, 1, BANK_KEY_SIZE - 1, file);
    fclose(file);
    key[n] = '\0';
    key[strcspn(key, "\r\n")] = '\0';
    if (key[0] == '\0' || n == BANK_KEY_SIZE - 1) {
        complain("%s: a key of 1 to %d characters is needed", path, BANK_KEY_SIZE - 2);
        return false;
    }
    return true;
}

static bool read_user_codes(struct options *o, const char *list)
{
    o->n_user_codes = 0;
    for (;;) {
        size_t n = strcspn(list, ",");

        if (n == 0 || n >= ASK_TEXT_SIZE || o->n_user_codes == BANK_USER_CODES) {
            complain("--user-code: 1 to %d codes, separated by commas, are needed",
                     BANK_USER_CODES);
            return false;
        }
        snprintf(o->user_codes[o->n_user_codes++], ASK_TEXT_SIZE, "%.*s", (int)n, list);
        if (list[n] == '\0')
            return true;
        list += n + 1;
    }
}

enum option_id {
    OPT_PORT = 256, OPT_CONTROL_PORT, OPT_DIR, OPT_PLAIN, OPT_DEVELOPER_KEY, OPT_ACCESS_KEY,
    OPT_INITIATOR, OPT_USER_CODE, OPT_CALLBACK, OPT_LATENCY, OPT_SLOW, OPT_SKEW, OPT_UAT,
    OPT_ANY_OTP, OPT_MIXED,
    OPT_THREADS, OPT_HELP
};

static const struct option long_options[] = {
    {"port", required_argument, NULL, OPT_PORT},
    {"control-port", required_argument, NULL, OPT_CONTROL_PORT},
    {"dir", required_argument, NULL, OPT_DIR},
    {"plain", no_argument, NULL, OPT_PLAIN},
    {"developer-key-file", required_argument, NULL, OPT_DEVELOPER_KEY},
    {"access-key-file", required_argument, NULL, OPT_ACCESS_KEY},
    {"initiator-id", required_argument, NULL, OPT_INITIATOR},
    {"user-code", required_argument, NULL, OPT_USER_CODE},
    {"callback-url", required_argument, NULL, OPT_CALLBACK},
    {"latency-ms", required_argument, NULL, OPT_LATENCY},
    {"slow-ms", required_argument, NULL, OPT_SLOW},
    {"skew-ms", required_argument, NULL, OPT_SKEW},
    {"uat", no_argument, NULL, OPT_UAT},
    {"any-otp", no_argument, NULL, OPT_ANY_OTP},
    {"mixed", no_argument, NULL, OPT_MIXED},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0}};

static bool take_number_option(struct options *o, int id, const char *name)
{
    int64_t n;

    if (id == OPT_LATENCY)
        return read_number(name, optarg, 600000, &o->scenario.latency_ms);
    if (id == OPT_SLOW)
        return read_number(name, optarg, 600000, &o->scenario.slow_ms);
    if (id == OPT_SKEW)
        return read_number(name, optarg, 86400000, &o->skew_ms);
    if (!read_number(name, optarg, id == OPT_THREADS ? 8 : 65535, &n))
        return false;
    if (id == OPT_PORT)
        o->port = (uint16_t)n;
    else if (id == OPT_CONTROL_PORT)
        o->control_port = (uint16_t)n;
    else
        o->threads = (unsigned)n;
    return true;
}

static bool take_option(struct options *o, int id, const char *name)
{
    switch (id) {
    case OPT_DIR:
        o->dir = optarg;
        return true;
    case OPT_PLAIN:
        o->plain = true;
        return true;
    case OPT_UAT:
        o->scenario.uat = true;
        return true;
    case OPT_ANY_OTP:
        o->scenario.any_otp = true;
        return true;
    case OPT_MIXED:
        o->scenario.mixed = true;
        return true;
    case OPT_DEVELOPER_KEY:
        o->developer_key_file = optarg;
        return true;
    case OPT_ACCESS_KEY:
        o->access_key_file = optarg;
        return true;
    case OPT_INITIATOR:
        snprintf(o->initiator_id, sizeof o->initiator_id, "%s", optarg);
        return true;
    case OPT_USER_CODE:
        return read_user_codes(o, optarg);
    case OPT_CALLBACK:
        o->callback_url = optarg;
        return true;
    default:
        return take_number_option(o, id, name);
    }
}

/* Returns -1 to go on, or the exit status. */
static int read_options(int argc, char **argv, struct options *o)
{
    bool port = false, control_port = false;
    int id, index = 0;

    while ((id = getopt_long(argc, argv, "", long_options, &index)) != -1) {
        if (id == OPT_HELP) {
            fputs(help_text, stdout);
            return 0;
        }
        if (id == '?' || !take_option(o, id, long_options[index].name))
            return 2;
        port = port || id == OPT_PORT;
        control_port = control_port || id == OPT_CONTROL_PORT;
    }
    if (optind < argc || !port || !control_port || o->dir == NULL) {
        complain("--port, --control-port and --dir are needed, and nothing else (see --help)");
        return 2;
    }
    if (!read_key(o->developer_key_file, DEFAULT_DEVELOPER_KEY, o->developer_key) ||
        !read_key(o->access_key_file, DEFAULT_ACCESS_KEY, o->access_key))
        return 1;
    return -1;
}

/* A listening socket on 127.0.0.1, or -1 after a complaint.  *port 0 becomes the real one. */
static int listen_on(uint16_t *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t size = sizeof a;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&a, sizeof a) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &size) != 0) {
        if (errno == EADDRINUSE)
            complain("port %u is taken by another program", (unsigned)*port);
        else
            complain("cannot listen on 127.0.0.1:%u: %s", (unsigned)*port, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *port = ntohs(a.sin_port);
    return fd;
}

/* Raises the limit of descriptors as far as allowed; returns how many calls fit in. */
static unsigned most_calls(void)
{
    struct rlimit limit;
    rlim_t n = 1024;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
            n = limit.rlim_cur;
    }
    n = n > 2 * SPARE_FDS ? n - SPARE_FDS : n / 2;
    return n > MOST_CALLS ? MOST_CALLS : (unsigned)n;
}

static bool start_parts(struct bank *b)
{
    const struct options *o = &b->opt;
    char ca_path[4096];
    int n = snprintf(ca_path, sizeof ca_path, "%s/ca.pem", o->dir);

    if (n < 0 || (size_t)n >= sizeof ca_path ||
        (!o->plain && !tls_make(ca_path, &b->cert_pem, &b->key_pem))) {
        complain("cannot make the certificates in %s: %s", o->dir, strerror(errno));
        return false;
    }
    b->scenario = scenario_new(&o->scenario);
    b->waits = waits_new();
    if (b->waits != NULL)
        b->callbacks = callbacks_new(b->waits);
    if (b->scenario == NULL || b->callbacks == NULL) {
        complain("cannot start: %s", strerror(errno));
        return false;
    }
    if (!callbacks_set_url(b->callbacks, o->callback_url)) {
        complain("--callback-url: http://host[:port][/path] is needed, not '%s'", o->callback_url);
        return false;
    }
    return true;
}

static bool start_listening(struct bank *b)
{
    int fd = listen_on(&b->opt.port), control_fd;

    if (fd < 0)
        return false;
    control_fd = listen_on(&b->opt.control_port);
    if (control_fd < 0) {
        close(fd);
        return false;
    }
    b->control = control_start(b, control_fd);
    if (b->control == NULL)
        close(control_fd);
    else
        b->api = bankapi_start(b, fd, most_calls());
    if (b->api == NULL) {
        close(fd);
        complain("cannot start the HTTP server");
        return false;
    }
    return true;
}

static bool say_ready(const struct options *o)
{
    char path[4096];
    FILE *file;

    snprintf(path, sizeof path, "%s/bank.ready", o->dir);
    file = fopen(path, "we");
    if (file == NULL) {
        complain("%s: %s", path, strerror(errno));
        return false;
    }
    fprintf(file, "port=%u\ncontrol_port=%u\n", (unsigned)o->port, (unsigned)o->control_port);
    if (fclose(file) != 0)
        return false;
    puts("ready");
    fflush(stdout);
    return true;
}

/* MHD does not stop while calls are suspended, so these are ended first. */
static void stop(struct bank *b)
{
    char path[4096];

    if (b->api != NULL) {
        MHD_socket fd = MHD_quiesce_daemon(b->api);

        if (fd != MHD_INVALID_SOCKET)
            close(fd);
        snprintf(path, sizeof path, "%s/bank.ready", b->opt.dir);
        unlink(path);
    }
    if (b->callbacks != NULL)
        callbacks_stop(b->callbacks);
    if (b->waits != NULL)
        waits_stop(b->waits);
    if (b->api != NULL)
        MHD_stop_daemon(b->api);
    if (b->control != NULL)
        MHD_stop_daemon(b->control);
    callbacks_free(b->callbacks);
    waits_free(b->waits);
    scenario_free(b->scenario);
    free(b->cert_pem);
    free(b->key_pem);
}

int main(int argc, char **argv)
{
    static struct bank bank = {.opt = {.threads = 2,
                                       .scenario.slow_ms = 30000,
                                       .skew_ms = 300000,
                                       .initiator_id = "9000000001",
                                       .user_codes = {"20110001"},
                                       .n_user_codes = 1}};
    int status = read_options(argc, argv, &bank.opt), got;
    sigset_t signals;

    if (status >= 0)
        return status;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* inherited by all threads */
    status = 1;
    if (start_parts(&bank) && start_listening(&bank) && say_ready(&bank.opt)) {
        sigwait(&signals, &got);
        status = 0;
    }
    stop(&bank);
    return status;
}
