/* house.c - the program, a database and an obliging bank, for unit tests. */
#include "tests/unit/house.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/api.h"
#include "fcgi/csrf.h"
#include "fcgi/desk.h"
#include "fcgi/log.h"
#include "fcgi/serve.h"
#include "tests/unit/pg_helper.h"

#define BOOK (1 << 16) /* initiates by the last digits of the TID */

struct app house;
struct house_answer house_answer;
static struct settings settings;
static char folder[] = "/tmp/otprefund-house.XXXXXX";
static pid_t bank;
static unsigned char *book; /* shared with the bank: initiates, then what it is told to say */

static unsigned char *book_of(const char *tid) {
    return &book[strtoull(tid, NULL, 10) % BOOK];
}

void house_says(const char *tid, int tx_status) {
    book_of(tid)[BOOK] = (unsigned char)(tx_status + 1);
}

/* ---- the bank -------------------------------------------------------------------------------- */

/* What a TID that begins so gets of this bank. */
static const struct {
    const char *start, *status, *body;
} moods[] = {
    {"400", "200 OK",
     "{\"status\":0,\"response_status_id\":-1,\"invalid_params\":{\"tid\":\"Invalid_tid_Format\"},"
     "\"message\":\"Invalid_tid_Format\",\"data\":{\"tid\":\"\"}}"},
    {"401", "200 OK",
     "{\"status\":319,\"response_status_id\":1,\"message\":\"Invalid initiator\",\"data\":{}}"},
    {"405", "405 Method Not Allowed", ""},
    {"403", "403 Forbidden", ""},
    {"404", "200 OK",
     "{\"status\":168,\"response_status_id\":1,\"message\":\"TID does not exist\",\"data\":{}}"},
    {"408", NULL, NULL}, /* no answer, ever */
    {"502", "502 Bad Gateway", "<p>Bad Gateway</p>"},
};

/* Whether the call ends. */
static bool bank_say(int fd, const char *tid, const char *body) {
    char out[2048];
    const char *status = "200 OK";
    for (size_t i = 0; i < sizeof moods / sizeof moods[0]; i++)
        if (strncmp(tid, moods[i].start, 3) == 0) {
            status = moods[i].status;
            body = moods[i].body;
        }
    if (!status)
        return false;
    if (strncmp(tid, "409", 3) == 0)
        usleep(700000);
    int n = snprintf(out, sizeof out,
                     "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", status,
                     strlen(body), body);
    send(fd, out, (size_t)n, MSG_NOSIGNAL);
    return true;
}

static bool bank_answer(int fd, const char *request) {
    char tid[24] = "0", body[1024];
    const char *refund = strstr(request, "/refund/"), *inquiry = strstr(request, "/transaction/");
    const char *at = refund ? refund + 8 : inquiry ? inquiry + 13 : "0";
    if (strncmp(at, "client_ref_id:", 14) == 0)
        at += at[14] == 'R' ? 15 : 14;
    snprintf(tid, sizeof tid, "%.*s", (int)strspn(at, "0123456789"), at);
    if (refund && strncmp(at + strlen(tid), "/otp", 4) == 0) {
        snprintf(body, sizeof body,
                 "{\"response_status_id\":1,\"data\":{\"otp_ref_id\":\"zC=\"},"
                 "\"response_type_id\":2133,\"message\":\"Send OTP\",\"status\":2133}");
    } else if (refund) {
        ++*book_of(tid);
        snprintf(body, sizeof body,
                 "{\"response_status_id\":0,\"data\":{\"refund_tid\":\"2147591637\","
                 "\"amount\":\"1045.00\",\"tid\":\"%s\",\"refunded_amount\":\"1050.00\","
                 "\"timestamp\":\"2018-10-30T12:00:14.058Z\"},\"response_type_id\":74,"
                 "\"message\":\"Refund done\",\"status\":0}",
                 tid);
    } else {
        snprintf(body, sizeof body,
                 "{\"response_type_id\":1472,\"data\":{\"client_ref_id\":\"R%s\","
                 "\"timestamp\":\"2019-11-01 17:50:44\",\"tx_status\":\"%d\",\"tid\":\"%s\","
                 "\"amount\":\"1045.0\",\"customer_id\":\"9000000001\"},\"message\":\"ok\","
                 "\"status\":0,\"response_status_id\":0}",
                 tid,
                 book_of(tid)[BOOK] ? book_of(tid)[BOOK] - 1
                 : *book_of(tid)    ? 4
                                    : 3,
                 tid);
    }
    return bank_say(fd, tid, body);
}

static void bank_serve(int listening) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when the test dies */
    for (;;) {
        char request[8192] = "";
        size_t size = 0;
        int fd = accept(listening, NULL, NULL);
        while (fd >= 0 && size < sizeof request - 1) {
            struct pollfd p = {.fd = fd, .events = POLLIN};
            ssize_t n =
                poll(&p, 1, 5000) > 0 ? recv(fd, request + size, sizeof request - 1 - size, 0) : 0;
            if (n <= 0)
                break;
            size += (size_t)n;
            request[size] = '\0';
            const char *end = strstr(request, "\r\n\r\n");
            const char *length = strcasestr(request, "\r\ncontent-length:");
            if (end && size >= (size_t)(end + 4 - request) +
                                   (length ? strtoul(length + 17, NULL, 10) : 0)) {
                if (!bank_answer(fd, request))
                    fd = -1; /* the caller waits */
                break;
            }
        }
        if (fd >= 0)
            close(fd);
    }
}

static int bank_start(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    book = mmap(NULL, (size_t)2 * BOOK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (fd < 0 || book == MAP_FAILED || bind(fd, (struct sockaddr *)&a, n) != 0 ||
        listen(fd, 256) != 0 || getsockname(fd, (struct sockaddr *)&a, &n) != 0)
        return 0;
    bank = fork();
    if (bank == 0)
        bank_serve(fd);
    close(fd);
    return bank > 0 ? ntohs(a.sin_port) : 0;
}

int house_initiates(const char *tid) {
    return *book_of(tid);
}

/* ---- requests that wait ----------------------------------------------------------------------- */

/* Instead of serve.c's: a request that was left has its answer, or goes on: one at a time. */
static bool answered;
static _Atomic(struct serve_task *) left;
static sem_t news;

void serve_answered(struct reply *reply) {
    (void)reply;
    answered = true;
}

void serve_no_wait(struct reply *reply) {
    (void)reply;
}

void serve_soon(struct reply *reply, struct serve_task *task) {
    (void)reply;
    atomic_store(&left, task);
    sem_post(&news);
}

/* false: nobody goes on with it. */
static bool see_to_the_end(void) {
    struct timespec until;
    while (!answered) {
        house_answer.parked |= atomic_load(&house.parked) > 0;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += 20;
        if (sem_timedwait(&news, &until) != 0)
            return false;
        struct serve_task *task = atomic_exchange(&left, NULL);
        task->run(task);
    }
    return true;
}

/* ---- open and close -------------------------------------------------------------------------- */

static bool key_file(char path[SETTINGS_TEXT_SIZE], const char *name) {
    snprintf(path, SETTINGS_TEXT_SIZE, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    if (!f)
        return false;
    fprintf(f, "key-of-a-test-for-%s-0123456789\n", name);
    return fclose(f) == 0 && chmod(path, 0600) == 0;
}

static bool people(void) {
    return pg_do("INSERT INTO otprefund.operator (name, role, disabled) VALUES "
                 "('asha', 'operator', false), ('usha', 'operator', false), "
                 "('sunil', 'supervisor', false), ('meera', 'auditor', false), "
                 "('gone', 'operator', true)") &&
           pg_do(
               "INSERT INTO otprefund.api_client (name, token_sha256, may_refund, disabled) VALUES "
               "('switch', sha256('" HOUSE_TOKEN_REFUND "'), true, false), "
               "('reader', sha256('" HOUSE_TOKEN_READ "'), false, false), "
               "('ended', sha256('" HOUSE_TOKEN_REVOKED "'), true, true)");
}

static bool house_settings(int port) {
    const char *srcdir = getenv("srcdir");
    settings_defaults(&settings);
    snprintf(settings.bank_base_url, SETTINGS_TEXT_SIZE, "http://127.0.0.1:%d/ekoapi/v3", port);
    snprintf(settings.bank_initiator_id, SETTINGS_TEXT_SIZE, "9000000001");
    snprintf(settings.bank_user_code, SETTINGS_TEXT_SIZE, "20110001");
    snprintf(settings.journal_conninfo, SETTINGS_TEXT_SIZE, "%.255s", pg_app);
    snprintf(settings.desk_data_dir, SETTINGS_TEXT_SIZE, "%s/web", srcdir ? srcdir : ".");
    settings.desk_wait_ms = 400;
    settings.bank_timeout_ms = 4000;
    settings.resolver_enabled = false;
    settings.limits_otp_cooldown_s = settings.limits_otp_per_hour = 0;
    settings.limits_wrong_otp_per_hour = 0;
    return key_file(settings.bank_developer_key_file, "developer") &&
           key_file(settings.bank_access_key_file, "access") &&
           key_file(settings.desk_csrf_key_file, "csrf");
}

bool house_open(void) {
    struct otr_config config;
    struct otr_fault f = {.detail = "the bank, the folder or the database"};
    char why[512] = "", path[600];
    int port = bank_start();
    if (!port || !mkdtemp(folder) || !pg_setup() || !people() || !house_settings(port))
        goto failed;
    sem_init(&news, 0, 0);
    log_setup(LOG_ERROR, false); /* what is refused on purpose would fill the log */
    api_setup();
    snprintf(path, sizeof path, "%s/templates", settings.desk_data_dir);
    house.templates = templates_load(path, why, sizeof why);
    house.desks = desk_views_new(2);
    house.settings = &settings;
    house.files_max = 2;
    buf_init(&house.style, 1000);
    buf_text(&house.style, "body {}\n");
    secret_set(&house.callback_secret, HOUSE_CALLBACK, strlen(HOUSE_CALLBACK));
    settings_core(&settings, &config);
    if (house.templates && house.desks && otr_open(&config, &house.core, &f) == OTR_OK)
        return true;
failed:
    fprintf(stderr, "the house does not open: %s %s\n", f.detail, why);
    return false;
}

void house_close(void) {
    char command[64];
    otr_close(house.core, 2000);
    desk_views_free(house.desks);
    templates_free(house.templates);
    buf_free(&house.style);
    pg_teardown();
    kill(bank, SIGKILL);
    waitpid(bank, NULL, 0);
    snprintf(command, sizeof command, "rm -r %s", folder);
    if (system(command) != 0)
        fprintf(stderr, "%s stays\n", folder);
}

/* ---- asking ---------------------------------------------------------------------------------- */

struct body {
    const char *bytes;
    size_t left;
};

static size_t body_read(void *arg, char *out, size_t size) {
    struct body *b = arg;
    size_t n = size < b->left ? size : b->left;
    memcpy(out, b->bytes, n);
    b->bytes += n;
    b->left -= n;
    return n;
}

static bool answer_write(void *arg, const char *bytes, size_t size) {
    struct house_answer *a = arg;
    if (size >= sizeof a->text - a->size)
        return false;
    memcpy(a->text + a->size, bytes, size);
    a->size += size;
    a->text[a->size] = '\0';
    return true;
}

int house_ask(const struct house_request *q) {
    static struct request request;
    static char texts[12][9000];
    char *envp[15], **next = envp;
    struct body body = {q->body, q->body ? strlen(q->body) : 0};
    struct reply reply;
    const char *why = "";
    char length[24], uri[6100];
    snprintf(length, sizeof length, "%zu", body.left);
    snprintf(uri, sizeof uri, "%s%s%s", q->path, q->query ? "?" : "", q->query ? q->query : "");
    char bearer[1100];
    snprintf(bearer, sizeof bearer, "Bearer %s", q->bearer ? q->bearer : "");
    const char *const pairs[12][2] = {{"REQUEST_METHOD", q->method},
                                      {"REQUEST_URI", uri},
                                      {"QUERY_STRING", q->query},
                                      {"REMOTE_USER", q->login},
                                      {"REMOTE_ADDR", q->address ? q->address : "127.0.0.1"},
                                      {"HTTP_AUTHORIZATION", q->bearer ? bearer : NULL},
                                      {"HTTP_IDEMPOTENCY_KEY", q->key},
                                      {"HTTP_SEC_FETCH_SITE", q->site},
                                      {"HTTP_SEC_FETCH_MODE", q->mode},
                                      {"HTTP_SEC_FETCH_DEST", q->dest},
                                      {"CONTENT_TYPE", q->type},
                                      {"CONTENT_LENGTH", q->body ? length : NULL}};
    for (int i = 0; i < 12; i++) {
        if (!pairs[i][1])
            continue;
        snprintf(texts[i], sizeof texts[i], "%s=%s", pairs[i][0], pairs[i][1]);
        *next++ = texts[i];
    }
    char extra[300];
    snprintf(extra, sizeof extra, "%s", q->extra ? q->extra : "");
    if (q->extra)
        *next++ = extra;
    *next = NULL;
    answered = false;
    house_answer.size = 0;
    house_answer.parked = false;
    house_answer.text[0] = '\0';
    int refused = request_parse(&request, envp, body_read, &body, &why);
    reply_init(&reply, answer_write, &house_answer, request.id);
    reply.head_only = request.method == METHOD_HEAD;
    if (!app_handle(&house, &request, refused, why, &reply) && !see_to_the_end())
        fprintf(stderr, "a request was left, and nobody goes on with it\n");
    house_answer.status = reply.broken ? 0 : reply.status;
    reply_free(&reply);
    request_clear(&request);
    return house_answer.status;
}

const char *house_token(const char *login) {
    static char token[CSRF_SIZE];
    return csrf_make(house.core, login, app_now_ms() / 1000, token) ? token : "";
}
