/* main.c - otprefund.fcgi: start, wait for a signal, stop in order. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/api.h"
#include "fcgi/app.h"
#include "fcgi/crew.h"
#include "fcgi/descriptors.h"
#include "fcgi/desk.h"
#include "fcgi/env.h"
#include "fcgi/listen.h"
#include "fcgi/log.h"
#include "fcgi/sandbox.h"
#include "fcgi/serve.h"

#ifndef PACKAGE_VERSION /* the build gives it */
#define PACKAGE_VERSION "development"
#endif

#define WHY_SIZE     SETTINGS_WHY_SIZE
#define STYLE_MAX    (256u << 10)
#define GRACE_MAX_MS 35000 /* an orderly stop waits at most so long for the bank's answers */
#define DESCRIPTORS  65536 /* wanted: one for each bank call and each web server connection (descriptors.h) */

enum exit_code { EXIT_GOOD, EXIT_FAILED, EXIT_USAGE };

struct options {
    const char *file;
    bool check, version, help;
};

static void usage(FILE *to) {
    fputs("Usage: otprefund.fcgi [-c FILE] [-n] [-V] [--help]\n"
          "Serves refunds of failed transfers behind a web server (FastCGI).\n"
          "\n"
          "  -c, --config FILE  settings (default " SETTINGS_FILE ")\n"
          "  -n, --check        check the settings, print them without secrets, and end\n"
          "  -V, --version      print the version and end\n"
          "  -h, --help         print this and end\n"
          "\n"
          "Listens on the socket of [desk] listen, or on the one it inherits: descriptor 0\n"
          "(spawn-fcgi, mod_fcgid) or 3 (systemd, LISTEN_FDS=1).\n"
          "Logs to stderr, one line per event.\n"
          "SIGTERM or SIGINT: finish what is under way, then end.\n"
          "Exit: 0 good, 1 could not start or settings are wrong, 2 wrong usage.\n",
          to);
}

static bool options_read(int argc, char **argv, struct options *o) {
    static const struct option longs[] = {
        {"config", required_argument, NULL, 'c'},
        {"check", no_argument, NULL, 'n'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;
    *o = (struct options){.file = SETTINGS_FILE};
    while ((c = getopt_long(argc, argv, "c:nVh", longs, NULL)) != -1) {
        switch (c) {
        case 'c':
            o->file = optarg;
            break;
        case 'n':
            o->check = true;
            break;
        case 'V':
            o->version = true;
            break;
        case 'h':
            o->help = true;
            break;
        default:
            return false;
        }
    }
    return optind == argc;
}

static bool failed(const char *what, const char *why) {
    log_event(LOG_ERROR, NULL, "start", "failed", what, "because", why, NULL);
    return false;
}

/* No core files and no ptrace by the same user: memory holds keys and OTPs. */
static bool harden(void) {
    struct rlimit none = {0, 0}, files;
    umask(077);
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return failed("no core dumps", strerror(errno));
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < DESCRIPTORS) {
        files.rlim_cur = files.rlim_max < DESCRIPTORS ? files.rlim_max : DESCRIPTORS;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0)
            return failed("descriptors", strerror(errno));
    }
    return true;
}

/* Signals that end the program are waited for in main; no other thread sees them. */
static bool signals_block(sigset_t *ends) {
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigemptyset(ends);
    sigaddset(ends, SIGTERM);
    sigaddset(ends, SIGINT);
    sigaddset(ends, SIGUSR1); /* mod_fcgid and mod_fastcgi: a graceful stop */
    int error = pthread_sigmask(SIG_BLOCK, ends, NULL);
    if (error || sigaction(SIGPIPE, &ignore, NULL) != 0 || sigaction(SIGHUP, &ignore, NULL) != 0)
        return failed("signals", strerror(error ? error : errno));
    return true;
}

static bool style_read(struct buf *style, const char *folder) {
    char path[4096], part[8192];
    size_t n;
    snprintf(path, sizeof(path), "%s/style.css", folder);
    FILE *in = fopen(path, "re");
    buf_init(style, STYLE_MAX);
    if (!in)
        return failed(path, strerror(errno));
    while ((n = fread(part, 1, sizeof(part), in)) > 0)
        buf_add(style, part, n);
    bool good = !ferror(in) && !style->failed && style->size > 0;
    fclose(in);
    return good || failed(path, "empty, unreadable or larger than 256 KiB");
}

static bool app_files(struct app *app) {
    char why[WHY_SIZE] = "", folder[4096];
    const char *data = app->settings->desk_data_dir;
    snprintf(folder, sizeof(folder), "%s/templates", data);
    app->templates = templates_load(folder, why, sizeof(why));
    if (!app->templates)
        return failed("templates", why);
    app->desks = desk_views_new(app->settings->journal_connections);
    if (!app->desks)
        return failed("desks", "no memory");
    const char *secret = app->settings->callback_secret_file;
    if (*secret && !secret_read_file(&app->callback_secret, secret, why, sizeof(why)))
        return failed("[callback] secret_file", why);
    return style_read(&app->style, data);
}

/* How many connections and calls there may be at once. */
static bool share_descriptors(const struct settings *s, struct descriptors *d) {
    struct rlimit files;
    char limit[24], calls[12];
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return failed("descriptors", strerror(errno));
    descriptors_share(files.rlim_cur, s->desk_workers, s->journal_connections,
                      s->bank_max_in_flight, d);
    snprintf(limit, sizeof(limit), "%llu", (unsigned long long)files.rlim_cur);
    snprintf(calls, sizeof(calls), "%d", d->calls);
    if (d->calls < s->bank_max_in_flight)
        log_event(LOG_WARNING, NULL, "descriptors", "limit", limit, "max_in_flight", calls, NULL);
    return true;
}

/* What nobody's answer says. */
static void tell(void *arg, enum otr_news news, const char *detail) {
    static const struct {
        enum log_level level;
        const char *event, *state;
    } lines[OTR_NEWS__MAX] = {
        [OTR_NEWS_BANK_LOST] = {LOG_ERROR, "bank", "no answer"},
        [OTR_NEWS_BANK_BACK] = {LOG_WARNING, "bank", "answers again"},
        [OTR_NEWS_RESOLVER_FAILED] = {LOG_ERROR, "resolver", "failed"},
        [OTR_NEWS_CALLBACK_LOST] = {LOG_ERROR, "callback", "lost"},
    };
    (void)arg;
    log_event(lines[news].level, NULL, lines[news].event, "state", lines[news].state, "detail",
              *detail ? detail : NULL, NULL);
}

static bool app_core(struct app *app, int max_in_flight) {
    struct otr_config config;
    struct otr_fault f = {0};
    settings_core(app->settings, &config);
    config.max_in_flight = max_in_flight;
    config.tell = tell;
    enum otr_status s = otr_open(&config, &app->core, &f);
    return s == OTR_OK || failed(s == OTR_NO_JOURNAL ? "journal" : "core", f.detail);
}

static int grace_ms(const struct settings *s) {
    int ms = s->bank_timeout_ms + 5000;
    return ms > GRACE_MAX_MS ? GRACE_MAX_MS : ms;
}

/* Serves until a signal comes.  False: could not start. */
static bool run(struct app *app, const sigset_t *ends) {
    char why[WHY_SIZE] = "", number[16];
    int signal_number = 0;
    bool good = false;
    struct serve *serve = NULL;
    struct listen door;
    struct descriptors share;
    if (!share_descriptors(app->settings, &share))
        return false;
    if (!listen_open(&door, app->settings->desk_listen, why, sizeof(why)))
        return failed("listen", why);
    /* Before the first thread and the first byte from outside. */
    if (!sandbox_enter(why, sizeof(why))) {
        failed("sandbox", why);
        goto out;
    }
    if (!app_files(app) || !app_core(app, share.calls))
        goto out;
    app->crew = crew_new((int)sysconf(_SC_NPROCESSORS_ONLN));
    if (!app->crew) {
        failed("workers", "no memory");
        goto out;
    }
    serve = serve_start(door.fd, app->settings->desk_workers, share.connections, app->crew,
                        app_handle, app_quiet, app, why, sizeof(why));
    if (!serve) {
        failed("workers", why);
        goto out;
    }
    snprintf(number, sizeof(number), "%d", app->settings->desk_workers);
    log_event(LOG_INFO, NULL, "ready", "version", PACKAGE_VERSION, "listen",
              door.path[0] ? door.path : "inherited or tcp", "workers", number, "sandbox",
              sandbox_kind(), NULL);
    listen_notify("READY=1");
    if (sigwait(ends, &signal_number) == 0)
        good = true;
    log_event(LOG_INFO, NULL, "stopping", "signal", strsignal(signal_number), NULL);
    listen_notify("STOPPING=1");
    atomic_store(&app->stopping, true);
    otr_hurry(app->core);
out:
    serve_stop(serve);
    listen_close(&door);
    int lost = otr_close(app->core, grace_ms(app->settings));
    if (lost > 0) {
        snprintf(number, sizeof(number), "%d", lost);
        log_event(LOG_WARNING, NULL, "callbacks", "lost", number, NULL);
    }
    if (good)
        log_event(LOG_INFO, NULL, "stopped", NULL);
    return good;
}

static bool start(const struct settings *s) {
    static struct app app; /* outlives every thread */
    sigset_t ends;
    enum log_level level = log_level_value(s->log_level);
    log_setup(level == LOG_LEVEL__MAX ? LOG_INFO : level, strcmp(s->log_format, "json") == 0);
    /* The clock of pages and of days in filters; before there is any thread. */
    if (setenv("TZ", s->desk_time_zone, 1) != 0)
        return failed("[desk] time_zone", strerror(errno));
    tzset();
    app.settings = s;
    app.files_max = (s->desk_workers + 7) / 8;
    api_setup();
    bool good = signals_block(&ends) && run(&app, &ends);
    desk_views_free(app.desks);
    crew_free(app.crew);
    templates_free(app.templates);
    buf_free(&app.style);
    secret_wipe(&app.callback_secret);
    return good;
}

int main(int argc, char **argv) {
    struct options o;
    char why[WHY_SIZE] = "";
    int code = EXIT_FAILED;
    static struct settings s; /* outlives every thread */
    if (!options_read(argc, argv, &o)) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (o.help || o.version) {
        if (o.help)
            usage(stdout);
        else
            puts("otprefund.fcgi " PACKAGE_VERSION);
        return fflush(stdout) == 0 ? EXIT_GOOD : EXIT_FAILED;
    }
    env_clean();
    if (!harden())
        return EXIT_FAILED;
    /* Threads wait far more than they allocate: two heaps do, and hold less when it is quiet. */
    mallopt(M_ARENA_MAX, 2);
    if (!settings_load(&s, o.file, why, sizeof(why))) {
        fprintf(stderr, "otprefund.fcgi: %s\n", why);
        return EXIT_FAILED;
    }
    if (o.check) {
        settings_print(&s, stdout);
        code = fflush(stdout) == 0 ? EXIT_GOOD : EXIT_FAILED;
    } else if (start(&s)) {
        code = EXIT_GOOD;
    }
    settings_free(&s);
    return code;
}
