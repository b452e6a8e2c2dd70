/* main.c - otprefundctl: the table of commands. */
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "ctl/ctl.h"
#include "fcgi/env.h"

#ifndef OTPREFUND_VERSION
#define OTPREFUND_VERSION "unknown"
#endif

static const struct ctl_command commands[] = {
    {"migrate", "migrate [--folder DIR] [--db CONNINFO]",
     "bring the database's schema to this version",
     "Applies the numbered SQL files that the database lacks, each in one transaction.\n"
     "  --folder DIR    where they are (default " OTPREFUND_DATADIR "/sql)\n"
     "  --db CONNINFO   a superuser, or a role with CREATEROLE that may create schemas\n",
     ctl_migrate},
    {"check", "check", "try settings, keys, database, bank, clock and credentials",
     "Prints one line each: OK or FAIL, and what to do.  Asks the bank for a transaction by the\n"
     "reference otprefund-check, which changes nothing and is recorded as an inquiry.\n",
     ctl_check},
    {"operator",
     "operator add NAME --role ROLE [--user-code CODE] [--full-name TEXT] [--db CONNINFO]\n"
     "operator disable|enable NAME [--db CONNINFO]\n"
     "operator list [--csv] [--db CONNINFO]",
     "the people who may use the pages",
     "add replaces what was known of NAME, and enables it.\n"
     "  NAME              the login, as the web server tells it in REMOTE_USER\n"
     "  --role ROLE       operator, supervisor or auditor\n"
     "  --user-code CODE  the retailer code for the bank (default: the one of the settings)\n"
     "  --full-name TEXT  for people\n"
     "  --db CONNINFO     the owner's login\n",
     ctl_operator},
    {"api-client",
     "api-client add NAME --scope SCOPE [--user-code CODE] [--full-name TEXT] [--db CONNINFO]\n"
     "api-client disable|enable NAME [--db CONNINFO]\n"
     "api-client list [--csv] [--db CONNINFO]",
     "the machines that may use the JSON API",
     "add prints a new token, once, and replaces what was known of NAME: an older token of the\n"
     "same name ends.\n"
     "  --scope SCOPE     read, or refund (which may read too)\n"
     "  --user-code CODE  the retailer code for the bank (default: the one of the settings)\n"
     "  --full-name TEXT  for people\n"
     "  --db CONNINFO     the owner's login\n",
     ctl_client},
    {"inquire", "inquire TID\ninquire --ref CLIENT_REF_ID", "ask the bank about a transaction",
     "Prints what the bank answers, and records it as an inquiry.\n"
     "  --ref CLIENT_REF_ID  by the merchant's own reference\n",
     ctl_inquire},
    {"import-statement", "import-statement [--check] [--from DAY] [--to DAY] [--db CONNINFO] FILE",
     "import a statement of the bank, and compare it with the journal",
     "Takes all credits of a CSV file (RFC 4180, UTF-8; -: standard input), or\n"
     "nothing, and prints where they and the journal differ.  The first line names\n"
     "the columns: tid, amount, booked_at; refund_tid and reference may be there,\n"
     "others are left out.  The same file is taken once.\n"
     "  --check        print what would be found, and import nothing\n"
     "  --from DAY     the first day it covers, as 2026-11-01 (India's days)\n"
     "  --to DAY       the last one (default: the days of the first and last credit)\n"
     "  --db CONNINFO  the owner's login\n",
     ctl_statement},
    {"report", "report NAME [--csv] [--db CONNINFO]", "print a report",
     "  unresolved       refund attempts that are open, oldest first\n"
     "  ageing           how many, how old and how much they are\n"
     "  daily-totals     each of the newest 31 days\n"
     "  operator-totals  each operator, by day\n"
     "  mismatch         where the bank's statement and the journal differ\n"
     "  manual           proposals to settle by hand that wait for approval\n"
     "  access           who changed whom or what may use the program, newest first\n"
     "  --csv            as CSV (RFC 4180)\n"
     "  --db CONNINFO    a login that is otprefund_auditor or more\n",
     ctl_report},
    {"resolve",
     "resolve ATTEMPT\n"
     "resolve ATTEMPT --propose RESOLUTION --reason TEXT [--as NAME]\n"
     "resolve ATTEMPT --decide DECISION --proposal N [--note TEXT] [--as NAME]",
     "settle a refund attempt by hand, as the pages do",
     "Without an option: prints how the attempt and the newest proposal about it stand.\n"
     "A supervisor proposes, with a fresh inquiry as evidence; another supervisor or an auditor\n"
     "decides.  You act as the operator of your own login's name; as root, by sudo.\n"
     "  --propose RESOLUTION  refunded or not_refunded\n"
     "  --reason TEXT         why: 10 to 500 characters\n"
     "  --decide DECISION     approved or refused\n"
     "  --proposal N          the number of the proposal\n"
     "  --note TEXT           a remark\n"
     "  --as NAME             must be your login\n",
     ctl_resolve},
    {"seal", "seal [--show] [--db CONNINFO]", "seal the journal's rows, and print the newest seal",
     "A row is sealed when it is older than a minute.  The program does so every 10 minutes.\n"
     "Keep the printed digest elsewhere: verify --expect then notices a chain made anew.\n"
     "  --show         print only\n"
     "  --db CONNINFO  the program's login, or the owner's\n",
     ctl_seal},
    {"export", "export [--db CONNINFO]", "print all that is sealed, for verify FILE",
     "One line a row, of one moment.  It holds what the journal holds: keep it as safe.\n"
     "  --db CONNINFO  the owner's login\n",
     ctl_export},
    {"verify", "verify [--expect DIGEST] [--db CONNINFO]\nverify [--expect DIGEST] FILE",
     "find rows or seals that were changed, removed or inserted",
     "Computes every seal again, from the database or from an export (-: standard input), and\n"
     "names what does not fit, a line each.  Exit 1: something does not, or rows have waited for\n"
     "a seal for half an hour, or there is none at all.\n"
     "  --expect DIGEST  of a seal that was kept elsewhere: it must be in the chain\n"
     "  --db CONNINFO    the owner's login\n",
     ctl_verify},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static void help(FILE *to) {
    fputs("Usage: otprefundctl [-c FILE] COMMAND [ARGUMENT...]\n"
          "Administers otprefund.\n\n",
          to);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-17s %s\n", commands[i].name, commands[i].summary);
    fputs("\n"
          "  -c, --config FILE  settings (default " SETTINGS_FILE ")\n"
          "  -V, --version      print the version and end\n"
          "  -h, --help         print this and end; COMMAND --help tells about a command\n"
          "\n"
          "Where --db is missing, the environment's OTPREFUND_OWNER_DB counts, then the settings.\n"
          "Exit: 0 good, 1 what was asked failed, 2 wrong usage, 3 settings, 4 database, 5 bank.\n",
          to);
}

/* No core files and no ptrace by the same user: memory holds keys.  TLS keys go to no file. */
static bool harden(void) {
    struct rlimit none = {0, 0};
    umask(077);
    env_for_commands();
    return signal(SIGPIPE, SIG_IGN) != SIG_ERR && setrlimit(RLIMIT_CORE, &none) == 0 &&
           prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

static int dispatch(struct ctl *c, int argc, char **argv) {
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, argv[0]) == 0) {
            c->command = &commands[i];
            return commands[i].run(c, argc, argv);
        }
    }
    return ctl_usage(c, "unknown command", argv[0]);
}

static int finish(int code) {
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == CTL_GOOD)
        return ctl_fail(CTL_FAILED, "the result could not be written", NULL);
    return code;
}

int main(int argc, char **argv) {
    static const struct option longs[] = {
        {"config", required_argument, NULL, 'c'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    static struct ctl c = {.file = SETTINGS_FILE};
    int option;
    while ((option = getopt_long(argc, argv, "+c:Vh", longs, NULL)) != -1) {
        if (option == 'h') {
            help(stdout);
            return finish(CTL_GOOD);
        }
        if (option == 'V') {
            puts("otprefundctl " OTPREFUND_VERSION);
            return finish(CTL_GOOD);
        }
        if (option != 'c') {
            help(stderr);
            return CTL_USAGE;
        }
        c.file = optarg;
    }
    if (optind == argc) {
        help(stderr);
        return CTL_USAGE;
    }
    if (!setlocale(LC_CTYPE, "C.UTF-8")) /* the journal's; numbers and dates stay plain */
        setlocale(LC_CTYPE, "");
    if (!harden())
        return ctl_fail(CTL_FAILED, "core files could not be switched off", NULL);
    int code = dispatch(&c, argc - optind, argv + optind);
    settings_free(&c.settings);
    return finish(code);
}
